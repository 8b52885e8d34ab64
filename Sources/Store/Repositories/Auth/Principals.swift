public import Domain
internal import SQL

/// The principals of all orgs; every method is scoped to one.
public struct Principals {
  private let db: Connection

  public init(_ transaction: ReadTransaction) { db = transaction.connection }

  public func find(_ id: PrincipalID, org: OrgID) throws -> Principal? {
    try db.first(
      """
      SELECT id, org, kind, name, display_name, roles, is_disabled, created_at_ms, updated_at_ms,
        revision
      FROM principals WHERE id = $1 AND org = $2
      """, id.rawValue, org.rawValue, map: Self.principal)
  }

  public func find(name: String, org: OrgID) throws -> Principal? {
    try db.first(
      """
      SELECT id, org, kind, name, display_name, roles, is_disabled, created_at_ms, updated_at_ms,
        revision
      FROM principals WHERE org = $1 AND name = $2
      """, org.rawValue, name, map: Self.principal)
  }

  /// Those that hold one of `roles` and are of `kind`, where given.
  public func list(
    _ page: Page, org: OrgID, roles: Roles? = nil, kind: Principal.Kind? = nil
  ) throws -> Listing<Principal> {
    var query = ListQuery(
      """
      id, org, kind, name, display_name, roles, is_disabled, created_at_ms, updated_at_ms, revision
      """, from: "principals")
    query.filter("org = ?", org.rawValue)
    if let roles { query.filter("roles & ? <> 0", roles.rawValue) }
    if let kind { query.filter("kind = ?", kind.rawValue) }
    return try query.listing(page, in: db, id: \.id.rawValue, map: Self.principal)
  }

  /// How many enabled admins the org has besides `id`.
  public func otherEnabledAdmins(than id: PrincipalID, org: OrgID) throws -> Int {
    try db.first(
      """
      SELECT count(*) FROM principals
      WHERE org = $1 AND id <> $2 AND is_disabled = 0 AND roles & $3 <> 0
      """, org.rawValue, id.rawValue, Roles.admin.rawValue
    ) { row in try row.get(0, as: Int.self) } ?? 0
  }

  public func insert(_ principal: Principal) throws {
    try db.execute(
      """
      INSERT INTO principals (id, org, kind, name, display_name, roles, is_disabled, created_at_ms,
        updated_at_ms, revision)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
      """, principal.id.rawValue, principal.org.rawValue, principal.kind.rawValue,
      principal.name, principal.displayName, principal.roles.rawValue, principal.isDisabled,
      principal.createdAt.milliseconds, principal.updatedAt.milliseconds, principal.revision)
  }

  /// Stores what may change.
  public func update(_ principal: Principal) throws {
    try db.execute(
      """
      UPDATE principals SET display_name = $3, roles = $4, is_disabled = $5, updated_at_ms = $6,
        revision = $7
      WHERE id = $1 AND org = $2
      """, principal.id.rawValue, principal.org.rawValue, principal.displayName,
      principal.roles.rawValue, principal.isDisabled, principal.updatedAt.milliseconds,
      principal.revision)
  }

  private static func principal(_ row: Row) throws(SQLError) -> Principal {
    Principal(
      id: try row.id(0), org: try row.id(1), kind: try row.raw(2), name: try row[3],
      displayName: try row[4], roles: Roles(rawValue: try row[5]), isDisabled: try row[6],
      createdAt: try row.time(7), updatedAt: try row.time(8), revision: try row[9])
  }
}
