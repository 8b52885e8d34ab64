import API
import RPCCore

/// Names of what answers name by id, asked for once each: a screen shows names.
///
/// What the caller may not see, or what is gone, keeps its id.
actor Names {
  private let session: Session
  private var known: [String: String] = [:]

  init(session: Session) { self.session = session }

  /// "screen/any/1.0.0"; empty for an empty id.
  func version(_ id: String) async throws -> String {
    try await name(id) {
      let version = try await Lookup(session: session).version(id: id)
      return try await variant(version.variantId) + "/" + version.name
    }
  }

  /// "screen/any".
  func variant(_ id: String) async throws -> String {
    try await name(id) {
      var request = GetModelVariantRequest()
      request.modelVariantId = id
      let variant = try await session.catalog.getModelVariant(request, options: session.options)
        .modelVariant.unwrapped()
      return try await model(variant.modelId) + "/" + variant.name
    }
  }

  func model(_ id: String) async throws -> String {
    try await name(id) {
      var request = GetModelRequest()
      request.modelId = id
      return try await session.catalog.getModel(request, options: session.options).model.unwrapped()
        .name
    }
  }

  func deployment(_ id: String) async throws -> String {
    try await name(id) {
      var request = GetDeploymentRequest()
      request.deploymentId = id
      return try await session.deployments.getDeployment(request, options: session.options)
        .deployment.unwrapped().name
    }
  }

  /// "2, ROLLED_BACK": a rollout's number among its deployment's, and where it stands.
  func rollout(_ id: String) async throws -> String {
    try await name(id) {
      var request = GetRolloutRequest()
      request.rolloutId = id
      let rollout = try await session.deployments.getRollout(request, options: session.options)
        .rollout.unwrapped()
      return "\(rollout.number), \(Words.state(rollout.state))"
    }
  }

  func group(_ id: String) async throws -> String {
    try await name(id) {
      var request = GetDeviceGroupRequest()
      request.deviceGroupId = id
      return try await session.devices.getDeviceGroup(request, options: session.options).deviceGroup
        .unwrapped().name
    }
  }

  func principal(_ id: String) async throws -> String {
    try await name(id) {
      var request = GetPrincipalRequest()
      request.principalId = id
      return try await session.auth.getPrincipal(request, options: session.options).principal
        .unwrapped().name
    }
  }

  private func name(_ id: String, _ find: () async throws -> String) async throws -> String {
    if id.isEmpty { return "" }
    if let name = known[id] { return name }
    do {
      known[id] = try await find()
    } catch let error as RPCError where [.notFound, .permissionDenied].contains(error.code) {
      known[id] = id
    }
    return known[id] ?? id
  }
}

/// The names of the two versions of a rollout.
struct VersionNames: Sendable {
  let from: String
  let to: String

  /// "1.0.0 → 2.0.0".
  var title: String { from.isEmpty ? to : "\(from) → \(to)" }

  init(session: Session, rollout: Rollout) async throws {
    let lookup = Lookup(session: session)
    from =
      rollout.fromVersionId.isEmpty ? "" : try await lookup.version(rollout.fromVersionId).name
    to = try await lookup.version(rollout.toVersionId).name
  }
}
