public import Domain
public import SQL

/// The API keys of all orgs. Secrets are not stored, only their SHA-256.
public typealias APIKeys = Rows<APIKey>

extension APIKey: Stored {
  public static let table = Table<APIKey>("api_keys") {
    $0.column("id", \.id)
    $0.column("org", \.org)
    $0.column("principal", \.principal)
    $0.column("display_name", \.displayName)
    $0.column("hint", \.hint)
    $0.column("created_at_ms", \.createdAt)
    $0.column("expires_at_ms", \.expiresAt)
    $0.column("revoked_at_ms", \.revokedAt, .changes)
    $0.column("first_used_at_ms", \.firstUsedAt)
    $0.column("revision", \.revision, .changes)
  }
  fileprivate static let insertion = table.insertion(with: "digest")

  public init(row: inout RowReader) throws {
    self.init(
      id: try row.next(), org: try row.next(), principal: try row.next(),
      displayName: try row.next(), hint: try row.next(), createdAt: try row.next(),
      expiresAt: try row.next(), revokedAt: try row.next(), firstUsedAt: try row.next(),
      revision: try row.next())
  }
}

extension Condition<APIKey> {
  public static func principal(_ principal: PrincipalID) -> Self {
    Self("principal = ?", principal, isIndexed: true)
  }
}

extension Rows<APIKey> {
  /// `digest` is the SHA-256 of the secret.
  public func insert(_ key: APIKey, digest: [UInt8]) throws {
    try insert(key, APIKey.insertion) { parameters throws(SQLError) in try parameters.add(digest) }
  }

  /// Notes the first call with a key; false when there was one before, and nothing changes.
  public func noteUse(of key: KeyID, at now: Timestamp) throws -> Bool {
    try db.execute(
      "UPDATE api_keys SET first_used_at_ms = $2 WHERE id = $1 AND first_used_at_ms IS NULL",
      key, now) > 0
  }

  /// The credential whose secret has this SHA-256.
  public func credential(digest: [UInt8]) throws -> Credential? {
    try db.first(Credential.byDigest, digest) { row in try Credential(row: &row) }
  }

  /// The credential that a key is now: for those who go on after they were accepted.
  public func credential(_ id: KeyID) throws -> Credential? {
    try db.first(Credential.byID, id) { row in try Credential(row: &row) }
  }

  /// Whether an enabled admin of the org has a key that is neither revoked nor ever expires, apart from those of one principal or one
  /// key. Walks the lasting keys of the org's admins up to the first.
  public func hasWayIn(
    _ org: OrgID, apartFrom principal: PrincipalID? = nil, key: KeyID? = nil
  ) throws -> Bool {
    try db.first(
      """
      SELECT 1 FROM principals p JOIN api_keys k ON k.principal = p.id
      WHERE p.org = $1 AND k.org = $1 AND p.is_disabled = 0 AND p.roles & 16 <> 0
        AND k.revoked_at_ms IS NULL AND k.expires_at_ms IS NULL AND p.id <> $2 AND k.id <> $3
      LIMIT 1
      """, org, principal ?? PrincipalID(""), key ?? KeyID("")
    ) { _ in true } ?? false
  }
}

/// Everything that decides whether a key is accepted and what it may do.
public struct Credential: Sendable, Hashable {
  public let key: APIKey
  public let roles: Roles
  public let isDisabled: Bool
  public let isRootOrg: Bool

  fileprivate static let byDigest = select("digest = $1")
  fileprivate static let byID = select("id = $1")

  private static func select(_ condition: StaticString) -> SQLText {
    SQLText(
      """
      SELECT k.*, p.roles, p.is_disabled, o.is_root
      FROM (SELECT \(APIKey.table.columns) FROM api_keys WHERE \(condition)) AS k
      JOIN principals AS p ON p.id = k.principal JOIN orgs AS o ON o.id = k.org
      """)
  }

  fileprivate init(row: inout RowReader) throws {
    key = try APIKey(row: &row)
    roles = try row.raw()
    isDisabled = try row.next()
    isRootOrg = try row.next()
  }
}
