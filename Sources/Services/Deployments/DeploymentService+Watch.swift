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
        revision = try await sendSnapshot(request.deploymentIds, conditions, caller, responses)
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
        // The kind of the event decides, not the rollout beside it, which may be newer.
        isLast: ["rollout.completed", "rollout.rolled_back", "rollout.aborted"].contains,
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
        fleet, stream: responses.detach(), rules.lease(caller, context), after: revision,
        failure: rules.ending(context))
      try watch.start(deployment.id, org: caller.org)
    }
  }

  private static func check(_ revision: Int64) throws(ServiceError) {
    guard revision >= 0 else {
      throw .invalid(field: "from_revision", message: "\(revision) is below 0")
    }
  }

  /// Sends the deployments as they are, a part at a time: the next is read when the client has room for it. Returns the revision at
  /// which the first part was read. Later parts may be newer, and what happened meanwhile follows as changes.
  private func sendSnapshot(
    _ ids: [String], _ conditions: [Condition<Domain.Deployment>], _ caller: Caller,
    _ responses: ResponseStream<WatchDeploymentsResponse>
  ) async throws -> Int64 {
    var page = Page(limit: Self.snapshotSize, order: .oldestFirst)
    var revision: Int64?
    repeat {
      // As long as the org has deployments that another environment has: not on the loop.
      let (part, head) = try await fleet.store.scan(for: caller.share) { [page, revision] db in
        if revision == nil { for id in ids { _ = try Self.deployment(id, caller, db) } }
        let part = try Deployments(db).rows(page, org: caller.org, conditions) { deployment in
          let wire = API.Deployment(deployment)
          return (wire, wire.encodedSize)
        }
        return (part, try revision ?? db.revision())
      }
      revision = head
      page.after = part.next
      try await responses.write(
        .with {
          $0.revision = head
          $0.content = .snapshot(
            .with {
              $0.deployments = part.items
              $0.complete = part.next == nil
            })
        })
    } while page.after != nil
    return revision ?? 0
  }
}
