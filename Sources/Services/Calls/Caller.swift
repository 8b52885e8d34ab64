public import Domain
internal import RPCCore

/// Who makes a call, as ``Authentication`` found out. Everything a service does is scoped to its org.
public struct Caller: Sendable, Hashable {
  public let principal: PrincipalID
  public let org: OrgID
  public let roles: Roles
  public let key: KeyID
  /// Whether the org is the one whose admins may create others.
  public let isRootOrg: Bool

  public init(
    principal: PrincipalID, org: OrgID, roles: Roles, key: KeyID, isRootOrg: Bool
  ) {
    self.principal = principal
    self.org = org
    self.roles = roles
    self.key = key
    self.isRootOrg = isRootOrg
  }

  /// Whether it manages its org.
  public var isAdmin: Bool { roles.contains(.admin) }
}

extension ServerContext {
  /// The authenticated caller; UNAUTHENTICATED when no interceptor put one there.
  func authenticatedCaller() throws(ServiceError) -> Caller {
    guard let caller = caller as? Caller else { throw .unauthenticated(.apiKeyMissing) }
    return caller
  }
}
