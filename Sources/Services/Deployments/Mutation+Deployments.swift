internal import API
internal import Domain
internal import ProtoWire
internal import RPCCore
internal import Store

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
