internal import API
internal import Domain
internal import ProtoWire
internal import Store
internal import Synchronization

/// How events are encoded for the watches of deployments and rollouts: once for each event, shared by all who watch.
final class WatchEncodings: Sendable {
  /// Changes of all deployments.
  let deployments: WatchEncoding
  /// Changes of deployments in one environment.
  let environments: [DeploymentEnvironment: WatchEncoding]
  /// Changes of rollouts.
  let rollouts: WatchEncoding

  init(_ store: Store) {
    let rows = LatestRows<API.Deployment>()
    func deployments(_ environment: DeploymentEnvironment?) -> WatchEncoding {
      WatchEncoding { [weak store] logged in
        guard let store else { throw StoreError.closed }
        let event = try API.Event(logged)
        let deployment = try rows.row(event.deploymentId, logged.event.org, store) { org, db in
          try Deployments(db).find(DeploymentID(event.deploymentId), org: org).map {
            API.Deployment($0)
          }
        }
        if let environment, deployment.map({ $0.environment != environment.wire }) ?? true {
          return nil
        }
        return WatchDeploymentsResponse.with {
          $0.revision = logged.revision
          $0.content = .event(
            .with {
              $0.event = event
              $0.deployment = deployment
            })
        }.serialized()
      }
    }
    self.deployments = deployments(nil)
    environments = Dictionary(
      uniqueKeysWithValues: DeploymentEnvironment.allCases.map { ($0, deployments($0)) })
    let latest = LatestRows<API.Rollout>()
    rollouts = WatchEncoding { [weak store] logged in
      guard let store else { throw StoreError.closed }
      let event = try API.Event(logged)
      let rollout = try latest.row(event.rolloutId, logged.event.org, store) { org, db in
        try Rollouts(db).find(RolloutID(event.rolloutId), org: org).map { API.Rollout($0) }
      }
      return WatchRolloutResponse.with {
        $0.revision = logged.revision
        $0.content = .event(
          .with {
            $0.event = event
            $0.rollout = rollout
          })
      }.serialized()
    }
  }
}

/// Rows as watchers see them, each read once between two commits, however many events and watches want it.
final class LatestRows<Row: Sendable>: Sendable {
  private struct Key: Hashable {
    let id: String
    let org: String
  }

  private struct State {
    /// The store's commits as of which the rows are the newest.
    var commits: UInt64 = 0
    var rows: [Key: Row?] = [:]
  }

  /// A row may be large, and those that are wanted again are few.
  private static var limit: Int { 64 }

  private let state = Mutex(State())

  /// The newest row of an id in an org; nil: there is none.
  func row(
    _ id: String, _ org: String, _ store: Store,
    read: (OrgID, ReadTransaction) throws -> Row?
  ) throws -> Row? {
    let (key, commits) = (Key(id: id, org: org), store.commitCount)
    let known = state.withLock { $0.commits == commits ? $0.rows[key] : nil }
    if let known { return known }
    let row = try store.read { try read(OrgID(org), $0) }
    state.withLock { state in
      if state.commits != commits || state.rows.count >= Self.limit { state.rows.removeAll() }
      state.commits = commits
      state.rows[key] = .some(row)
    }
    return row
  }
}
