internal import API
internal import Domain
internal import ProtoWire
internal import RPCCore
internal import Store

/// What several methods look up or check.
extension DeploymentService {
  /// A deployment of the caller's org.
  static func deployment(
    _ id: String, _ caller: Caller, _ db: ReadTransaction
  ) throws -> Domain.Deployment {
    try DeploymentResource().require(id, caller, db)
  }

  /// A rollout of the caller's org.
  static func rollout(
    _ id: String, _ caller: Caller, _ db: ReadTransaction
  ) throws -> Domain.Rollout {
    try RolloutResource().require(id, caller, db)
  }

  /// The newest rollout of a deployment, nil before the first.
  static func rollout(
    of deployment: Domain.Deployment, _ db: ReadTransaction
  ) throws -> Domain.Rollout? {
    try deployment.currentRollout.flatMap { try Rollouts(db).find($0, org: deployment.org) }
  }

  /// A variant that can be deployed.
  static func variant(
    _ id: String, _ org: OrgID, _ db: ReadTransaction
  ) throws -> Domain.ModelVariant {
    let field = "deployment.fleet.model_variant_id"
    guard !id.isEmpty else { throw ServiceError.invalid(field: field, message: "is required") }
    let variant = try ModelVariantResource().requireOpen(id, org: org, db)
    _ = try ModelResource().requireOpen(variant.model.rawValue, org: org, db)
    return variant
  }

  /// What may have been archived since a draft was created.
  static func checkStart(_ deployment: Domain.Deployment, _ db: ReadTransaction) throws {
    guard deployment.state == .draft, let desired = deployment.desiredVersion else { return }
    _ = try variant(deployment.variant.rawValue, deployment.org, db)
    _ = try ModelVersionResource().requireReady(desired, org: deployment.org, db)
    // Devices outside the cohort are given this one, and all of them are after a rollback.
    if let active = deployment.activeVersion {
      _ = try ModelVersionResource().requireReady(active, org: deployment.org, db)
    }
  }

  /// Refuses a name that another deployment of the org has which is not over.
  static func checkName(_ name: String, _ org: OrgID, _ db: ReadTransaction) throws {
    guard try Deployments(db).named(name, org: org) == nil else {
      throw ServiceError.alreadyExists(.deployment, name: name)
    }
  }

  /// A version of a variant that can be deployed; nil for an empty id.
  static func version(
    _ id: String, of variant: VariantID, field: String, _ org: OrgID, _ db: ReadTransaction
  ) throws -> VersionID? {
    guard !id.isEmpty else { return nil }
    let version = try ModelVersionResource().require(id, org: org, db)
    guard version.variant == variant else {
      throw ServiceError.invalid(
        field: field,
        message: "version \"\(version.name)\" is of variant \(version.variant), not \(variant)")
    }
    return try ModelVersionResource().requireReady(version.id, org: org, db).id
  }

  /// The values of a filter, each once: however often a caller repeats them, there are only so many statements.
  static func distinct<Wire, Value: Hashable>(
    _ values: [Wire], _ convert: (Wire, Int) throws -> Value
  ) rethrows -> [Value] {
    var seen: Set<Value> = []
    return try values.enumerated().compactMap { index, wire in
      let value = try convert(wire, index)
      return seen.insert(value).inserted ? value : nil
    }
  }
}
