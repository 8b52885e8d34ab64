public import API
public import Domain
public import RPCCore

/// What a method asks of its callers: who may call, how often and with how much.
///
/// It stands in the schema, as the option `rollcall.v1.policy` of the method.
public struct CallPolicy: Sendable, Hashable {
  /// Of these roles one is needed; nil: everybody may call, without a key.
  public let roles: Roles?
  /// What one principal's calls of the method count against.
  public let rateClass: RateClass
  /// Largest request message in bytes; nil: the server's own limit.
  public let maximumRequestBytes: Int?

  /// The standard schemas are what they are: they have no option of ours, and everybody may ask.
  private static let standardServices: Set<String> = [
    "grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection",
    "grpc.reflection.v1alpha.ServerReflection",
  ]

  /// Reads the method's option: keep the result.
  ///
  /// Nil for a method that nobody decided about, or that is open and for roles at a time.
  public init?(_ method: AnyMethodDescriptor) {
    if Self.standardServices.contains(method.service) {
      roles = nil
      rateClass = .unspecified
      maximumRequestBytes = 4 << 10
      return
    }
    // Options that do not read decide nothing.
    guard let policy = try? method.option(.policy), policy.open == policy.roles.isEmpty else {
      return nil
    }
    if policy.open {
      roles = nil
    } else {
      let named = policy.roles.compactMap { Domain.Role(rawValue: $0.rawValue) }
      guard named.count == policy.roles.count else { return nil }
      roles = named.reduce([]) { $0.union($1.holders) }
    }
    rateClass = policy.rateClass
    maximumRequestBytes =
      policy.maxRequestBytes > 0
      ? Int(policy.maxRequestBytes) : method.idempotency == .noSideEffects ? 64 << 10 : nil
  }
}

/// A service has a method whose schema does not say who may call it.
public struct UndecidedMethod: Error, Hashable, CustomStringConvertible {
  public let method: AnyMethodDescriptor

  public var description: String {
    "\(method) has no usable option (rollcall.v1.policy): nobody may call it"
  }
}
