/// A credential of a principal, without its secret.
public struct APIKey: Hashable, Sendable {
  public let id: KeyID
  public let org: OrgID
  public let principal: PrincipalID
  public let displayName: String
  /// The first characters of the secret, to recognise it by.
  public let hint: String
  public let createdAt: Timestamp
  /// Nil: never.
  public let expiresAt: Timestamp?
  /// Nil: not revoked.
  public var revokedAt: Timestamp?
  /// When it was first called with; nil: never.
  public let firstUsedAt: Timestamp?
  /// The revision of its last change: the etag.
  public var revision: Int64

  public init(
    id: KeyID, org: OrgID, principal: PrincipalID, displayName: String, hint: String,
    createdAt: Timestamp, expiresAt: Timestamp? = nil, revokedAt: Timestamp? = nil,
    firstUsedAt: Timestamp? = nil, revision: Int64
  ) {
    self.id = id
    self.org = org
    self.principal = principal
    self.displayName = displayName
    self.hint = hint
    self.createdAt = createdAt
    self.expiresAt = expiresAt
    self.revokedAt = revokedAt
    self.firstUsedAt = firstUsedAt
    self.revision = revision
  }

  /// Whether it is accepted at `now`: not revoked, and before its expiry.
  ///
  /// - expires at 10, now 9 → yes; now 10 → no
  /// - revoked at 5, now 4 → no: revoked is revoked
  public func isAccepted(at now: Timestamp) -> Bool {
    revokedAt == nil && expiresAt.map { now < $0 } ?? true
  }
}
