internal import API
internal import Domain
internal import ProtoWire
internal import RPCCore
internal import Store

/// What an update wants changed.
extension DeploymentService {
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
