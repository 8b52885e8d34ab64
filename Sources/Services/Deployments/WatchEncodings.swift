internal import API
internal import Domain
internal import ProtoWire
internal import Store

/// How events are encoded for the watches of deployments and rollouts: once for each event, shared by all who watch.
final class WatchEncodings: Sendable {
  /// Changes of all deployments.
  let deployments: WatchEncoding
  /// Changes of deployments in one environment.
  let environments: [DeploymentEnvironment: WatchEncoding]
  /// Changes of rollouts.
  let rollouts: WatchEncoding

  init(_ store: Store) {
    func deployments(_ environment: DeploymentEnvironment?) -> WatchEncoding {
      WatchEncoding { [weak store] logged in
        guard let store else { throw StoreError.closed }
        let event = try API.Event(logged)
        let deployment = try store.read { db in
          try Deployments(db).find(
            DeploymentID(event.deploymentId), org: OrgID(logged.event.org))
        }
        if let environment, deployment?.environment != environment { return nil }
        return WatchDeploymentsResponse.with {
          $0.revision = logged.revision
          $0.content = .event(
            .with {
              $0.event = event
              $0.deployment = deployment.map { API.Deployment($0) }
            })
        }.serialized()
      }
    }
    self.deployments = deployments(nil)
    environments = Dictionary(
      uniqueKeysWithValues: DeploymentEnvironment.allCases.map { ($0, deployments($0)) })
    rollouts = WatchEncoding { [weak store] logged in
      guard let store else { throw StoreError.closed }
      let event = try API.Event(logged)
      let rollout = try store.read { db in
        try Rollouts(db).find(RolloutID(event.rolloutId), org: OrgID(logged.event.org))
      }
      return WatchRolloutResponse.with {
        $0.revision = logged.revision
        $0.content = .event(
          .with {
            $0.event = event
            $0.rollout = rollout.map { API.Rollout($0) }
          })
      }.serialized()
    }
  }
}
