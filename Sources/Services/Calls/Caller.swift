public import Domain
internal import RPCCore
internal import Store

/// Who makes a call, as ``Authentication`` found out. Everything a service does is scoped to its org.
public struct Caller: Sendable, Hashable {
  public let principal: PrincipalID
  public let org: OrgID
  public let roles: Roles
  public let key: KeyID
  /// Whether the org is the one whose admins may create others.
  public let isRootOrg: Bool
  /// Whether it is on record that somebody has called with the API key.
  public internal(set) var isKeyUsed: Bool
  /// The device that calls with a secret of its own; nil: somebody else.
  public let device: DeviceIdentity?

  /// A device, and the secret that it called with.
  public struct DeviceIdentity: Sendable, Hashable {
    public let id: DeviceID
    /// The SHA-256 of the secret.
    let digest: [UInt8]
    /// Whether the device has called with it before.
    let isUsed: Bool
  }

  public init(
    principal: PrincipalID, org: OrgID, roles: Roles, key: KeyID, isRootOrg: Bool,
    isKeyUsed: Bool = true, device: DeviceIdentity? = nil
  ) {
    self.principal = principal
    self.org = org
    self.roles = roles
    self.key = key
    self.isRootOrg = isRootOrg
    self.isKeyUsed = isKeyUsed
    self.device = device
  }

  /// A device by a secret of its own. In the log of events it stands under its own id.
  init(_ secret: DeviceCredential.Secret, of credential: DeviceCredential) {
    self.init(
      principal: PrincipalID(credential.device.rawValue), org: credential.org, roles: .device,
      key: KeyID(credential.device.rawValue), isRootOrg: false,
      device: DeviceIdentity(
        id: credential.device, digest: secret.digest, isUsed: secret.isUsed))
  }

  /// Whether it may act for any device of its org because it may change any.
  var isOperator: Bool { roles.suffice(for: .operators) }

  /// A kind of callers that methods of a rate class may hold to a rate of their own.
  public enum Tier: String, Sendable, CaseIterable {
    /// Acts for itself alone: a device, or who only reads.
    case individual
    /// Keys that are in many devices.
    case fleet
    /// Whoever may change any device.
    case `operator`
  }

  /// Of which kind it is.
  public var tier: Tier {
    if isOperator { return .operator }
    return device == nil && !roles.isDisjoint(with: [.device, .enrollment]) ? .fleet : .individual
  }

  /// Whose share its long reads are counted in.
  var share: ScanCaller { ScanCaller(org: org.rawValue, principal: principal.rawValue) }

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
