public import Domain
internal import SQL

/// The variants of all orgs; every method is scoped to one.
public struct ModelVariants {
  /// What a list is narrowed to; nil: not.
  public struct Filter: Sendable, Hashable {
    public var model: ModelID?
    public var capability: String?
    public var platform: Int32?
    public var deviceClass: String?
    public var name: String?
    public var includeArchived = false

    public init() {}
  }

  private let db: Connection

  public init(_ transaction: ReadTransaction) { db = transaction.connection }

  public func find(_ id: VariantID, org: OrgID) throws -> ModelVariant? {
    try db.first(
      """
      SELECT id, org, model, name, capability, platform, device_class, description, labels,
        archived_at_ms, created_at_ms, updated_at_ms, revision
      FROM model_variants WHERE id = $1 AND org = $2
      """, id.rawValue, org.rawValue, map: Self.variant)
  }

  public func find(name: String, model: ModelID, org: OrgID) throws -> ModelVariant? {
    try db.first(
      """
      SELECT id, org, model, name, capability, platform, device_class, description, labels,
        archived_at_ms, created_at_ms, updated_at_ms, revision
      FROM model_variants WHERE model = $1 AND name = $2 AND org = $3
      """, model.rawValue, name, org.rawValue, map: Self.variant)
  }

  public func list(_ page: Page, org: OrgID, _ filter: Filter = Filter()) throws -> Listing<
    ModelVariant
  > {
    var query = ListQuery(
      """
      id, org, model, name, capability, platform, device_class, description, labels,
      archived_at_ms, created_at_ms, updated_at_ms, revision
      """, from: "model_variants")
    query.filter("org = ?", org.rawValue)
    if let model = filter.model { query.filter("model = ?", model.rawValue) }
    if let capability = filter.capability { query.filter("capability = ?", capability) }
    if let platform = filter.platform { query.filter("platform = ?", platform) }
    if let deviceClass = filter.deviceClass { query.filter("device_class = ?", deviceClass) }
    if let name = filter.name { query.filter("name = ?", name) }
    if !filter.includeArchived { query.filter("archived_at_ms IS NULL") }
    return try query.listing(page, in: db, id: \.id.rawValue, map: Self.variant)
  }

  public func insert(_ variant: ModelVariant) throws {
    try db.execute(
      """
      INSERT INTO model_variants (id, org, model, name, capability, platform, device_class,
        description, labels, archived_at_ms, created_at_ms, updated_at_ms, revision)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
      """, variant.id.rawValue, variant.org.rawValue, variant.model.rawValue, variant.name,
      variant.capability, variant.traits.platform, variant.traits.deviceClass,
      variant.description, variant.labels.storedText, variant.archivedAt?.milliseconds,
      variant.createdAt.milliseconds, variant.updatedAt.milliseconds, variant.revision)
  }

  /// Stores what may change.
  public func update(_ variant: ModelVariant) throws {
    try db.execute(
      """
      UPDATE model_variants SET description = $3, labels = $4, archived_at_ms = $5,
        updated_at_ms = $6, revision = $7
      WHERE id = $1 AND org = $2
      """, variant.id.rawValue, variant.org.rawValue, variant.description,
      variant.labels.storedText, variant.archivedAt?.milliseconds,
      variant.updatedAt.milliseconds, variant.revision)
  }

  private static func variant(_ row: Row) throws(SQLError) -> ModelVariant {
    ModelVariant(
      id: try row.id(0), org: try row.id(1), model: try row.id(2), name: try row[3],
      capability: try row[4],
      traits: DeviceTraits(platform: try row[5], deviceClass: try row[6]),
      description: try row[7], labels: try row.labels(8), archivedAt: try row.timeOrNil(9),
      createdAt: try row.time(10), updatedAt: try row.time(11), revision: try row[12])
  }
}
