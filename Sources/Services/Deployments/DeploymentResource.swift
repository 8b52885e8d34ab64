internal import API
internal import Domain
internal import Store

/// Deployments, as far as they are like other resources: what changes them goes through their journal.
struct DeploymentResource: Resource {
  let kind = ResourceKind.deployment

  func wire(_ deployment: Domain.Deployment, _ db: ReadTransaction) -> API.Deployment {
    API.Deployment(deployment)
  }
  func name(of deployment: Domain.Deployment) -> String { deployment.name }
}

/// Rollouts, in the same sense.
struct RolloutResource: Resource {
  let kind = ResourceKind.rollout

  func wire(_ rollout: Domain.Rollout, _ db: ReadTransaction) -> API.Rollout {
    API.Rollout(rollout)
  }
  func name(of rollout: Domain.Rollout) -> String { "\(rollout.number)" }
  func parent(of rollout: Domain.Rollout) -> String { rollout.deployment.rawValue }
}
