public import Domain
internal import SQL

/// The versions of all orgs; every method is scoped to one.
public struct ModelVersions {
  /// What a list is narrowed to; nil: not.
  public struct Filter: Sendable, Hashable {
    public var variant: VariantID?
    public var model: ModelID?
    public var state: ModelVersion.State?
    public var name: String?
    public var includeArchived = false

    public init() {}
  }

  private let db: Connection

  public init(_ transaction: ReadTransaction) { db = transaction.connection }

  public func find(_ id: VersionID, org: OrgID) throws -> ModelVersion? {
    try db.first(
      """
      SELECT id, org, model, variant, name, description, labels, artifact_sha256, artifact_size,
        artifact_media_type, archived_at_ms, created_by, created_at_ms, updated_at_ms, revision
      FROM model_versions WHERE id = $1 AND org = $2
      """, id.rawValue, org.rawValue, map: Self.version)
  }

  public func find(name: String, variant: VariantID, org: OrgID) throws -> ModelVersion? {
    try db.first(
      """
      SELECT id, org, model, variant, name, description, labels, artifact_sha256, artifact_size,
        artifact_media_type, archived_at_ms, created_by, created_at_ms, updated_at_ms, revision
      FROM model_versions WHERE variant = $1 AND name = $2 AND org = $3
      """, variant.rawValue, name, org.rawValue, map: Self.version)
  }

  /// Whether a version of the org has this artifact.
  public func hasArtifact(_ digest: ContentDigest, org: OrgID) throws -> Bool {
    try db.first(
      "SELECT 1 FROM model_versions WHERE org = $1 AND artifact_sha256 = $2 LIMIT 1",
      org.rawValue, digest.hex
    ) { _ in true } ?? false
  }

  /// Whether a version of any org has this artifact.
  public func isReferred(to digest: ContentDigest) throws -> Bool {
    try db.first(
      "SELECT 1 FROM model_versions WHERE artifact_sha256 = $1 LIMIT 1", digest.hex
    ) { _ in true } ?? false
  }

  public func list(_ page: Page, org: OrgID, _ filter: Filter = Filter()) throws -> Listing<
    ModelVersion
  > {
    var query = ListQuery(
      """
      id, org, model, variant, name, description, labels, artifact_sha256, artifact_size,
      artifact_media_type, archived_at_ms, created_by, created_at_ms, updated_at_ms, revision
      """, from: "model_versions")
    query.filter("org = ?", org.rawValue)
    if let variant = filter.variant { query.filter("variant = ?", variant.rawValue) }
    if let model = filter.model { query.filter("model = ?", model.rawValue) }
    if let name = filter.name { query.filter("name = ?", name) }
    switch filter.state {
    case .awaitingArtifact?:
      query.filter("archived_at_ms IS NULL")
      query.filter("artifact_sha256 IS NULL")
    case .ready?:
      query.filter("archived_at_ms IS NULL")
      query.filter("artifact_sha256 IS NOT NULL")
    case .archived?: query.filter("archived_at_ms IS NOT NULL")
    case nil: if !filter.includeArchived { query.filter("archived_at_ms IS NULL") }
    }
    return try query.listing(page, in: db, id: \.id.rawValue, map: Self.version)
  }

  public func insert(_ version: ModelVersion) throws {
    try db.execute(
      """
      INSERT INTO model_versions (id, org, model, variant, name, description, labels,
        artifact_sha256, artifact_size, artifact_media_type, archived_at_ms, created_by,
        created_at_ms, updated_at_ms, revision)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
      """, version.id.rawValue, version.org.rawValue, version.model.rawValue,
      version.variant.rawValue, version.name, version.description, version.labels.storedText,
      version.artifact?.digest.hex, version.artifact?.size, version.artifact?.mediaType,
      version.archivedAt?.milliseconds, version.createdBy.rawValue,
      version.createdAt.milliseconds, version.updatedAt.milliseconds, version.revision)
  }

  /// Stores what may change.
  public func update(_ version: ModelVersion) throws {
    try db.execute(
      """
      UPDATE model_versions SET description = $3, labels = $4, artifact_sha256 = $5,
        artifact_size = $6, artifact_media_type = $7, archived_at_ms = $8, updated_at_ms = $9,
        revision = $10
      WHERE id = $1 AND org = $2
      """, version.id.rawValue, version.org.rawValue, version.description,
      version.labels.storedText, version.artifact?.digest.hex, version.artifact?.size,
      version.artifact?.mediaType, version.archivedAt?.milliseconds,
      version.updatedAt.milliseconds, version.revision)
  }

  public func delete(_ id: VersionID, org: OrgID) throws {
    try db.execute(
      "DELETE FROM model_versions WHERE id = $1 AND org = $2", id.rawValue, org.rawValue)
  }

  private static func version(_ row: Row) throws(SQLError) -> ModelVersion {
    var artifact: Artifact?
    if let digest = try row.get(7, as: String?.self) {
      artifact = Artifact(
        digest: ContentDigest(unchecked: digest), size: try row[8], mediaType: try row[9])
    }
    return ModelVersion(
      id: try row.id(0), org: try row.id(1), model: try row.id(2), variant: try row.id(3),
      name: try row[4], description: try row[5], labels: try row.labels(6), artifact: artifact,
      archivedAt: try row.timeOrNil(10), createdBy: try row.id(11), createdAt: try row.time(12),
      updatedAt: try row.time(13), revision: try row[14])
  }
}
