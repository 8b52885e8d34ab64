public import Domain
internal import SQL

/// The models of all orgs; every method is scoped to one.
public struct Models {
  private let db: Connection

  public init(_ transaction: ReadTransaction) { db = transaction.connection }

  public func find(_ id: ModelID, org: OrgID) throws -> Model? {
    try db.first(
      """
      SELECT id, org, name, display_name, description, labels, archived_at_ms, created_at_ms,
        updated_at_ms, revision
      FROM models WHERE id = $1 AND org = $2
      """, id.rawValue, org.rawValue, map: Self.model)
  }

  public func find(name: String, org: OrgID) throws -> Model? {
    try db.first(
      """
      SELECT id, org, name, display_name, description, labels, archived_at_ms, created_at_ms,
        updated_at_ms, revision
      FROM models WHERE org = $1 AND name = $2
      """, org.rawValue, name, map: Self.model)
  }

  public func list(
    _ page: Page, org: OrgID, name: String? = nil, includeArchived: Bool = false
  ) throws -> Listing<Model> {
    var query = ListQuery(
      """
      id, org, name, display_name, description, labels, archived_at_ms, created_at_ms,
      updated_at_ms, revision
      """, from: "models")
    query.filter("org = ?", org.rawValue)
    if let name { query.filter("name = ?", name) }
    if !includeArchived { query.filter("archived_at_ms IS NULL") }
    return try query.listing(page, in: db, id: \.id.rawValue, map: Self.model)
  }

  public func insert(_ model: Model) throws {
    try db.execute(
      """
      INSERT INTO models (id, org, name, display_name, description, labels, archived_at_ms,
        created_at_ms, updated_at_ms, revision)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
      """, model.id.rawValue, model.org.rawValue, model.name, model.displayName,
      model.description, model.labels.storedText, model.archivedAt?.milliseconds,
      model.createdAt.milliseconds, model.updatedAt.milliseconds, model.revision)
  }

  /// Stores what may change.
  public func update(_ model: Model) throws {
    try db.execute(
      """
      UPDATE models SET display_name = $3, description = $4, labels = $5, archived_at_ms = $6,
        updated_at_ms = $7, revision = $8
      WHERE id = $1 AND org = $2
      """, model.id.rawValue, model.org.rawValue, model.displayName, model.description,
      model.labels.storedText, model.archivedAt?.milliseconds, model.updatedAt.milliseconds,
      model.revision)
  }

  private static func model(_ row: Row) throws(SQLError) -> Model {
    Model(
      id: try row.id(0), org: try row.id(1), name: try row[2], displayName: try row[3],
      description: try row[4], labels: try row.labels(5), archivedAt: try row.timeOrNil(6),
      createdAt: try row.time(7), updatedAt: try row.time(8), revision: try row[9])
  }
}
