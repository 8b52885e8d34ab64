internal import Domain
public import RPCCore

/// Decides who may call a method: everybody, or who has a key and a role for it.
///
/// The schema says it, see ``CallPolicy``. What a method may touch beyond that, its service decides;
/// it is always within the caller's org.
public struct Authorization: ServerInterceptor {
  private let authentication: Authentication
  private let policies: [AnyMethodDescriptor: CallPolicy]

  /// - Parameter services: all that is served besides health and reflection.
  /// - Throws: when the schema of a method does not say who may call it.
  public init(_ services: [ServiceRegistration], authentication: Authentication)
    throws(UndecidedMethod)
  {
    self.authentication = authentication
    var policies: [AnyMethodDescriptor: CallPolicy] = [:]
    for method in services.flatMap(\.methods) {
      guard let policy = CallPolicy(method.descriptor) else {
        throw UndecidedMethod(method: method.descriptor)
      }
      policies[method.descriptor] = policy
    }
    self.policies = policies
  }

  public func callStarted(_ context: ServerContext) throws {
    let policy = policies[context.method] ?? CallPolicy(context.method)
    if let policy, policy.roles == nil { return }
    try authentication.callStarted(context)
    guard let caller = context.caller as? Caller else {
      throw StatusMapping.map(ServiceError.unauthenticated(.apiKeyMissing))
    }
    if let refusal = Self.refusal(of: caller.roles, context.method, policy) {
      throw StatusMapping.map(refusal)
    }
  }

  /// Why somebody of these roles may not call a method; nil: may.
  static func refusal(of roles: Roles, _ method: AnyMethodDescriptor) -> ServiceError? {
    refusal(of: roles, method, CallPolicy(method))
  }

  private static func refusal(
    of roles: Roles, _ method: AnyMethodDescriptor, _ policy: CallPolicy?
  ) -> ServiceError? {
    let needed = policy.map { $0.roles ?? Roles(Role.allCases) } ?? []
    if roles.suffice(for: needed) { return nil }
    let names = needed.list.map { "\($0)" }.joined(separator: ", ")
    return .permissionDenied(
      "\(method) is for the roles \(names); the caller has "
        + roles.list.map { "\($0)" }.joined(separator: ", "))
  }
}
