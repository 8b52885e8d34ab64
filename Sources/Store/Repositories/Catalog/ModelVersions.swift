public import Domain
public import SQL

/// The versions of all orgs.
public typealias ModelVersions = Rows<ModelVersion>

extension ModelVersion: Archivable {
  public static let table = Table<ModelVersion>("model_versions", unique: ["variant", "name"]) {
    $0.column("id", \.id)
    $0.column("org", \.org)
    $0.column("model", \.model)
    $0.column("variant", \.variant)
    $0.column("name", \.name)
    $0.column("description", \.description, .changes)
    $0.column("labels", \.labels, .changes)
    $0.column("artifact_sha256", \.artifact?.digest, .changes)
    $0.column("artifact_size", \.artifact?.size, .changes)
    $0.column("artifact_media_type", \.artifact?.mediaType, .changes)
    $0.column("archived_at_ms", \.archivedAt, .changes)
    $0.column("created_by", \.createdBy)
    $0.column("created_at_ms", \.createdAt)
    $0.column("updated_at_ms", \.updatedAt, .changes)
    $0.column("revision", \.revision, .changes)
  }

  public init(row: inout RowReader) throws {
    self.init(
      id: try row.next(), org: try row.next(), model: try row.next(), variant: try row.next(),
      name: try row.next(), description: try row.next(), labels: try row.next(),
      artifact: try Artifact(row: &row), archivedAt: try row.next(), createdBy: try row.next(),
      createdAt: try row.next(), updatedAt: try row.next(), revision: try row.next())
  }
}

extension Artifact {
  /// Three columns, which are NULL together.
  fileprivate init?(row: inout RowReader) throws {
    let digest: ContentDigest? = try row.next()
    let (size, mediaType) = (try row.next(Int64?.self), try row.next(String?.self))
    guard let digest, let size, let mediaType else { return nil }
    self.init(digest: digest, size: size, mediaType: mediaType)
  }
}

extension Condition<ModelVersion> {
  public static func variant(_ variant: VariantID) -> Self {
    Self("variant = ?", variant, isIndexed: true)
  }
  public static func model(_ model: ModelID) -> Self { Self("model = ?", model, isIndexed: true) }
  public static func name(_ name: String) -> Self { Self("name = ?", name) }
  public static func state(_ state: ModelVersion.State) -> Self {
    switch state {
    case .awaitingArtifact: Self("archived_at_ms IS NULL AND artifact_sha256 IS NULL")
    case .ready: Self("archived_at_ms IS NULL AND artifact_sha256 IS NOT NULL")
    case .archived: Self("archived_at_ms IS NOT NULL")
    }
  }
}

extension Rows<ModelVersion> {
  /// Whether a version of the org has this artifact.
  public func hasArtifact(_ digest: ContentDigest, org: OrgID) throws -> Bool {
    try db.first(
      "SELECT 1 FROM model_versions WHERE org = $1 AND artifact_sha256 = $2 LIMIT 1", org, digest
    ) { _ in true } ?? false
  }

  /// The artifacts of the versions of all orgs, each once, in the order of their digests: at most `limit` after `last`.
  public func artifacts(after last: ContentDigest?, limit: Int) throws -> [ContentDigest] {
    try db.all(
      """
      SELECT DISTINCT artifact_sha256 FROM model_versions
      WHERE artifact_sha256 > $1 ORDER BY artifact_sha256 LIMIT $2
      """, last?.hex ?? "", limit
    ) { row in try row.get(0, as: ContentDigest.self) }
  }

  /// Whether a version of any org has this artifact.
  public func isReferred(to digest: ContentDigest) throws -> Bool {
    try db.first(
      "SELECT 1 FROM model_versions WHERE artifact_sha256 = $1 LIMIT 1", digest
    ) { _ in true } ?? false
  }
}
