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
      var filter = Deployments.Filter()
      var encoding = fleet.encodings.deployments
      if request.environment != .unspecified {
        let environment = try DeploymentEnvironment(request.environment, field: "environment")
        filter.environment = environment
        encoding = fleet.encodings.environments[environment] ?? encoding
      }
      filter.ids = request.deploymentIds.map { DeploymentID($0) }
      var revision = request.fromRevision
      if revision == 0 {
        let (snapshot, head) = try fleet.store.read { db in
          for id in request.deploymentIds { _ = try Self.deployment(id, caller, db) }
          return (try Self.all(filter, caller.org, db), try db.revision())
        }
        revision = head
        for part in Self.parts(snapshot, revision: head) { try await responses.write(part) }
      }
      let sink = EventStream(
        responses.detach(),
        bookmark: { revision in
          .with {
            $0.revision = revision
            $0.content = .bookmark(Bookmark())
          }
        }, failure: failure(context))
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
        responses.detach(),
        bookmark: { revision in
          .with {
            $0.revision = revision
            $0.content = .bookmark(Bookmark())
          }
        }, failure: failure(context),
        isLast: { bytes in
          // The kind of the event decides, not the rollout beside it, which may be newer.
          guard case .event(let change)? = (try? WatchRolloutResponse(wire: bytes))?.content
          else { return false }
          return ["rollout.completed", "rollout.rolled_back", "rollout.aborted"]
            .contains(change.event?.type ?? "")
        },
        isOver: { [org = caller.org, id = rollout.id] in
          let found = try? store.read { try Rollouts($0).find(id, org: org) }
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
        (try Self.deployment(request.deploymentId, caller, db), try db.revision())
      }
      let watch = HealthWatch(
        fleet, deployment.id, org: caller.org, stream: responses.detach(),
        failure: failure(context))
      watch.start(after: revision)
    }
  }

  private static func check(_ revision: Int64) throws(ServiceError) {
    guard revision >= 0 else {
      throw .invalid(field: "from_revision", message: "\(revision) is below 0")
    }
  }

  /// What a client is told when the hub ends its watch.
  private func failure(_ context: ServerContext) -> @Sendable (WatchEnd) -> RPCError {
    { [mapping = rules.mapping] end in
      let error: StoreError =
        switch end {
        case .compacted(let requested, let oldest):
          .compacted(requested: requested, oldest: oldest)
        case .futureRevision(let requested, let newest):
          .futureRevision(requested: requested, newest: newest)
        case .failed(let text): .failure(text)
        case .closed: .closed
        }
      return mapping.error(error, context)
    }
  }

  private static func all(
    _ filter: Deployments.Filter, _ org: OrgID, _ db: ReadTransaction
  ) throws -> [Domain.Deployment] {
    var deployments: [Domain.Deployment] = []
    var page = Page(limit: 200, order: .oldestFirst)
    while true {
      let listing = try Deployments(db).list(page, org: org, filter)
      deployments += listing.items
      guard let next = listing.next else { return deployments }
      page.after = next
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
