public import Domain
internal import SQL

/// The orgs.
public struct Orgs {
  private let db: Connection

  public init(_ transaction: ReadTransaction) { db = transaction.connection }

  public func find(_ id: OrgID) throws -> Org? {
    try db.first(
      """
      SELECT id, name, display_name, is_root, created_at_ms, updated_at_ms, revision
      FROM orgs WHERE id = $1
      """, id.rawValue, map: Self.org)
  }

  public func find(name: String) throws -> Org? {
    try db.first(
      """
      SELECT id, name, display_name, is_root, created_at_ms, updated_at_ms, revision
      FROM orgs WHERE name = $1
      """, name, map: Self.org)
  }

  /// The org created at first start; nil before.
  public func root() throws -> Org? {
    try db.first(
      """
      SELECT id, name, display_name, is_root, created_at_ms, updated_at_ms, revision
      FROM orgs WHERE is_root = 1
      """, map: Self.org)
  }

  /// All orgs, or the one of id `only`.
  public func list(_ page: Page, only: OrgID? = nil) throws -> Listing<Org> {
    var query = ListQuery(
      "id, name, display_name, is_root, created_at_ms, updated_at_ms, revision", from: "orgs")
    if let only { query.filter("id = ?", only.rawValue) }
    return try query.listing(page, in: db, id: \.id.rawValue, map: Self.org)
  }

  public func insert(_ org: Org) throws {
    try db.execute(
      """
      INSERT INTO orgs (id, name, display_name, is_root, created_at_ms, updated_at_ms, revision)
      VALUES ($1, $2, $3, $4, $5, $6, $7)
      """, org.id.rawValue, org.name, org.displayName, org.isRoot, org.createdAt.milliseconds,
      org.updatedAt.milliseconds, org.revision)
  }

  /// Stores what may change.
  public func update(_ org: Org) throws {
    try db.execute(
      "UPDATE orgs SET display_name = $2, updated_at_ms = $3, revision = $4 WHERE id = $1",
      org.id.rawValue, org.displayName, org.updatedAt.milliseconds, org.revision)
  }

  private static func org(_ row: Row) throws(SQLError) -> Org {
    Org(
      id: try row.id(0), name: try row[1], displayName: try row[2], isRoot: try row[3],
      createdAt: try row.time(4), updatedAt: try row.time(5), revision: try row[6])
  }
}
