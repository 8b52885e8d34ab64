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

  /// The fields that no device notices.
  static func edit(
    _ deployment: inout Domain.Deployment, _ wanted: API.Deployment, _ update: FieldMaskUpdate
  ) throws {
    if update.changes("name") {
      deployment.name = try TextRule.requiredDisplayName.check(
        wanted.name, field: "deployment.name")
    }
    if update.changes("description") {
      deployment.description = try TextRule.description.check(
        wanted.description, field: "deployment.description")
    }
    if update.changes("labels") {
      deployment.labels = try Labels(wanted.labels, field: "deployment.labels")
    }
  }

  /// The fields that devices notice; nil when none of them changes.
  static func change(
    of deployment: Domain.Deployment, _ wanted: API.Deployment, _ update: FieldMaskUpdate,
    _ mutation: Mutation
  ) throws -> DeploymentPlan.Change? {
    let (fleet, org) = (wanted.fleetTarget, deployment.org)
    var change = DeploymentPlan.Change()
    if update.changes("fleet.desired_version_id") {
      let field = "deployment.fleet.desired_version_id"
      guard
        let version = try version(
          fleet.desiredVersionId, of: deployment.variant, field: field, org, mutation.tx)
      else { throw ServiceError.invalid(field: field, message: "is required") }
      if version != deployment.desiredVersion { change.desiredVersion = version }
    }
    if update.changes("fleet.targeting") {
      let selector = try Selector(
        fleet.targeting ?? Targeting(), field: "deployment.fleet.targeting", org: org,
        mutation.tx)
      if selector != deployment.selector { change.selector = selector }
    }
    if update.changes("rollout_policy") {
      let policy = try wanted.rolloutPolicy.map {
        try Domain.RolloutPolicy($0, field: "deployment.rollout_policy")
      }
      if policy != deployment.policy { change.policy = .some(policy) }
    }
    return change == DeploymentPlan.Change() ? nil : change
  }
}

extension Mutation {
  /// Stores and logs deployments and rollouts as this call's doing.
  var journal: DeploymentJournal {
    DeploymentJournal(
      tx,
      author: EventAuthor(
        actor: caller.principal.rawValue, method: method.description, requestID: requestID))
  }

  /// Id and salt of a rollout that may begin.
  func seed() -> DeploymentPlan.RolloutSeed {
    var generator = SystemRandomNumberGenerator()
    return .init(id: makeID(), salt: RolloutSalt(using: &generator))
  }

  /// Stores what a plan made: the rollout that was given up, the one that began or changed, and the deployment.
  func store(
    _ outcome: DeploymentPlan.Outcome, replacing before: Domain.Deployment,
    rollout previous: Domain.Rollout?, _ entry: DeploymentJournal.Entry
  ) throws -> (deployment: Domain.Deployment, rollout: Domain.Rollout?) {
    let journal = journal
    if let aborted = outcome.aborted, let previous {
      _ = try journal.update(
        aborted, replacing: previous, of: outcome.deployment,
        .init("aborted", message: "rollout \(aborted.number) of \(before.name) was given up"))
    }
    var rollout = outcome.rollout
    if let changed = outcome.rollout {
      if let previous, previous.id == changed.id {
        rollout = try journal.update(
          changed, replacing: previous, of: outcome.deployment, entry)
      } else {
        rollout = try journal.begin(changed, of: outcome.deployment)
      }
    }
    let deployment = try journal.update(
      outcome.deployment, replacing: before, rollout: rollout, entry)
    return (deployment, rollout)
  }
}
