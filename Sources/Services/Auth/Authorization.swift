internal import API
internal import Domain
public import RPCCore

/// Decides by role which methods a caller may call. Runs after ``Authentication``.
///
/// The rule: what has no side effects is open to whoever reads, everything else to operators. The
/// exceptions are listed. What a method may touch beyond that, its service decides; it is always
/// within the caller's org.
public struct Authorization: ServerInterceptor {
  private static let exceptions: [String: [String: Roles]] = [
    AuthServiceMethods.serviceName: [
      "WhoAmI": Roles(Role.allCases),
      "CreateOrg": .admin,
      "UpdateOrg": .admin,
      "CreatePrincipal": .admin,
      "UpdatePrincipal": .admin,
      "CreateApiKey": .readers,
      "RevokeApiKey": .readers,
    ],
    DeviceServiceMethods.serviceName: [
      "Register": .registrars,
      "RotateDeviceKey": .devices,
      "Sync": .devices,
      "Connect": .devices,
      "ReportEvents": .devices,
      "DownloadArtifact": .devices,
    ],
  ]

  private let required: [AnyMethodDescriptor: Roles]

  public init() {
    let methods =
      AuthServiceMethods.all + CatalogServiceMethods.all + DeviceServiceMethods.all
      + DeploymentServiceMethods.all
    var required: [AnyMethodDescriptor: Roles] = [:]
    for method in methods {
      required[method] =
        Self.exceptions[method.service]?[method.name]
        ?? (method.idempotency == .noSideEffects ? .readers : .operators)
    }
    self.required = required
  }

  /// The roles of which one is needed; nil for a method that nobody decided about: it is refused.
  func roles(for method: AnyMethodDescriptor) -> Roles? { required[method] }

  public func callStarted(_ context: ServerContext) throws {
    guard !Authentication.isOpen(context.method.service) else { return }
    guard let caller = context.caller as? Caller else {
      throw StatusMapping.map(ServiceError.unauthenticated(.apiKeyMissing))
    }
    if let refusal = refusal(of: caller.roles, context.method) {
      throw StatusMapping.map(refusal)
    }
  }

  /// Why somebody of these roles may not call a method; nil: may.
  func refusal(of roles: Roles, _ method: AnyMethodDescriptor) -> ServiceError? {
    if let needed = required[method], roles.suffice(for: needed) { return nil }
    let names = (required[method] ?? []).list.map { "\($0)" }.joined(separator: ", ")
    return .permissionDenied(
      "\(method) is for the roles \(names); the caller has "
        + roles.list.map { "\($0)" }.joined(separator: ", "))
  }
}
