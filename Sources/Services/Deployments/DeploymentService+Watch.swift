public import API
internal import Domain
internal import ProtoWire
public import RPCCore
internal import Store

extension DeploymentService {
  /// Deployments in one message of a snapshot.
  private static let snapshotSize = 100

  public func watchDeployments(
    _ request: WatchDeploymentsRequest, responses: ResponseStream<WatchDeploymentsResponse>,
    context: ServerContext
  ) async throws {
    try await rules.perform(context) { caller in
      try Self.check(request.fromRevision)
      guard request.deploymentIds.count <= 100 else {
        throw ServiceError.invalid(
          field: "deployment_ids", message: "\(request.deploymentIds.count) ids exceed 100")
      }
      var conditions: [Condition<Domain.Deployment>] = []
      var encoding = fleet.encodings.deployments
      if request.environment != .unspecified {
        let environment = try DeploymentEnvironment(request.environment, field: "environment")
        conditions.append(.environment(environment))
        encoding = fleet.encodings.environments[environment] ?? encoding
      }
      if !request.deploymentIds.isEmpty {
        conditions.append(.ids(request.deploymentIds.map { DeploymentID($0) }))
      }
      var revision = request.fromRevision
      if revision == 0 {
        // As long as the org has deployments: not on the loop.
        let (snapshot, head) = try await fleet.store.scan(for: caller.share) { [conditions] db in
          for id in request.deploymentIds { _ = try Self.deployment(id, caller, db) }
          return (try Deployments(db).all(org: caller.org, conditions), try db.revision())
        }
        revision = head
        for part in Self.parts(snapshot, revision: head) { try await responses.write(part) }
      } else {
        try fleet.store.read { db in
          for id in request.deploymentIds { _ = try Self.deployment(id, caller, db) }
        }
      }
      let sink = EventStream(
        responses.detach(), rules.lease(caller, context),
        bookmark: { revision in
          .with {
            $0.revision = revision
            $0.content = .bookmark(Bookmark())
          }
        }, failure: rules.ending(context))
      sink.start(
        fleet.store.watch,
        WatchFilter(
          org: caller.org.rawValue, resourceTypes: ["deployment", "rollout", "pin"],
          resourceIDs: Set(request.deploymentIds)), after: revision, encoding)
    }
  }

  public func watchRollout(
    _ request: WatchRolloutRequest, responses: ResponseStream<WatchRolloutResponse>,
    context: ServerContext
  ) async throws {
    try await rules.perform(context) { caller in
      try Self.check(request.fromRevision)
      let store = fleet.store
      let (rollout, head) = try store.read { db in
        (try Self.rollout(request.rolloutId, caller, db), try db.revision())
      }
      var revision = request.fromRevision
      if revision == 0 {
        revision = head
        try await responses.write(
          .with {
            $0.revision = head
            $0.content = .snapshot(API.Rollout(rollout))
          })
        if !rollout.state.isActive { return }
      }
      let sink = EventStream(
        responses.detach(), rules.lease(caller, context),
        bookmark: { revision in
          .with {
            $0.revision = revision
            $0.content = .bookmark(Bookmark())
          }
        }, failure: rules.ending(context),
        isLast: { bytes in
          // The kind of the event decides, not the rollout beside it, which may be newer.
          guard case .event(let change)? = (try? WatchRolloutResponse(wire: bytes))?.content
          else { return false }
          return ["rollout.completed", "rollout.rolled_back", "rollout.aborted"]
            .contains(change.event?.type ?? "")
        },
        isOver: { [org = caller.org, id = rollout.id] in
          let found = try store.read { try Rollouts($0).find(id, org: org) }
          return found.map { !$0.state.isActive } ?? false
        })
      sink.start(
        store.watch,
        WatchFilter(
          org: caller.org.rawValue, resourceTypes: ["rollout"],
          resourceIDs: [rollout.id.rawValue]), after: revision, fleet.encodings.rollouts)
    }
  }

  public func watchHealth(
    _ request: WatchHealthRequest, responses: ResponseStream<WatchHealthResponse>,
    context: ServerContext
  ) async throws {
    try await rules.perform(context) { caller in
      try Self.check(request.fromRevision)
      let (deployment, revision) = try fleet.store.read { db in
        (
          try Self.deployment(request.deploymentId, caller, db),
          try EventLog(db).resumable(from: request.fromRevision)
        )
      }
      let watch = HealthWatch(
        fleet, deployment.id, org: caller.org, stream: responses.detach(),
        rules.lease(caller, context), failure: rules.ending(context))
      watch.start(after: revision)
    }
  }

  private static func check(_ revision: Int64) throws(ServiceError) {
    guard revision >= 0 else {
      throw .invalid(field: "from_revision", message: "\(revision) is below 0")
    }
  }

  private static func parts(
    _ deployments: [Domain.Deployment], revision: Int64
  ) -> [WatchDeploymentsResponse] {
    let starts = Array(stride(from: 0, to: max(deployments.count, 1), by: snapshotSize))
    return starts.map { start in
      WatchDeploymentsResponse.with {
        $0.revision = revision
        $0.content = .snapshot(
          .with {
            $0.deployments = deployments[start...].prefix(snapshotSize).map { API.Deployment($0) }
            $0.complete = start + snapshotSize >= deployments.count
          })
      }
    }
  }
}
