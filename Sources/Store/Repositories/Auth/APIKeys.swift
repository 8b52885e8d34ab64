public import Domain
internal import SQL

/// The API keys of all orgs. Secrets are not stored, only their SHA-256.
public struct APIKeys {
  /// Everything that decides whether a key is accepted and what it may do.
  public struct Credential: Sendable, Hashable {
    public let key: APIKey
    public let roles: Roles
    public let isDisabled: Bool
    public let isRootOrg: Bool
  }

  private let db: Connection

  public init(_ transaction: ReadTransaction) { db = transaction.connection }

  public func find(_ id: KeyID, org: OrgID) throws -> APIKey? {
    try db.first(
      """
      SELECT id, org, principal, display_name, hint, created_at_ms, expires_at_ms, revoked_at_ms,
        revision
      FROM api_keys WHERE id = $1 AND org = $2
      """, id.rawValue, org.rawValue, map: Self.key)
  }

  /// The credential whose secret has this SHA-256.
  public func credential(digest: [UInt8]) throws -> Credential? {
    try db.first(
      """
      SELECT k.id, k.org, k.principal, k.display_name, k.hint, k.created_at_ms, k.expires_at_ms,
        k.revoked_at_ms, k.revision, p.roles, p.is_disabled, o.is_root
      FROM api_keys k JOIN principals p ON p.id = k.principal JOIN orgs o ON o.id = k.org
      WHERE k.digest = $1
      """, digest, map: Self.credential)
  }

  /// The credential that a key is now: for those who go on after they were accepted.
  public func credential(_ id: KeyID) throws -> Credential? {
    try db.first(
      """
      SELECT k.id, k.org, k.principal, k.display_name, k.hint, k.created_at_ms, k.expires_at_ms,
        k.revoked_at_ms, k.revision, p.roles, p.is_disabled, o.is_root
      FROM api_keys k JOIN principals p ON p.id = k.principal JOIN orgs o ON o.id = k.org
      WHERE k.id = $1
      """, id.rawValue, map: Self.credential)
  }

  /// All keys of the org, or those of one principal.
  public func list(_ page: Page, org: OrgID, principal: PrincipalID? = nil) throws -> Listing<
    APIKey
  > {
    var query = ListQuery(
      """
      id, org, principal, display_name, hint, created_at_ms, expires_at_ms, revoked_at_ms, revision
      """, from: "api_keys")
    query.filter("org = ?", org.rawValue)
    if let principal { query.filter("principal = ?", principal.rawValue) }
    return try query.listing(page, in: db, id: \.id.rawValue, map: Self.key)
  }

  /// `digest` is the SHA-256 of the secret.
  public func insert(_ key: APIKey, digest: [UInt8]) throws {
    try db.execute(
      """
      INSERT INTO api_keys (id, org, principal, digest, display_name, hint, created_at_ms,
        expires_at_ms, revoked_at_ms, revision)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
      """, key.id.rawValue, key.org.rawValue, key.principal.rawValue, digest, key.displayName,
      key.hint, key.createdAt.milliseconds, key.expiresAt?.milliseconds,
      key.revokedAt?.milliseconds, key.revision)
  }

  /// Stores what may change.
  public func update(_ key: APIKey) throws {
    try db.execute(
      "UPDATE api_keys SET revoked_at_ms = $3, revision = $4 WHERE id = $1 AND org = $2",
      key.id.rawValue, key.org.rawValue, key.revokedAt?.milliseconds, key.revision)
  }

  private static func credential(_ row: Row) throws(SQLError) -> Credential {
    Credential(
      key: try key(row), roles: Roles(rawValue: try row[9]), isDisabled: try row[10],
      isRootOrg: try row[11])
  }

  private static func key(_ row: Row) throws(SQLError) -> APIKey {
    APIKey(
      id: try row.id(0), org: try row.id(1), principal: try row.id(2), displayName: try row[3],
      hint: try row[4], createdAt: try row.time(5), expiresAt: try row.timeOrNil(6),
      revokedAt: try row.timeOrNil(7), revision: try row[8])
  }
}
