public import API
internal import Domain
internal import ProtoWire
public import RPCCore
internal import Store

extension DeploymentService {
  public func listAssignments(
    _ request: ListAssignmentsRequest, context: ServerContext
  ) async throws -> ListAssignmentsResponse {
    try await rules.perform(context) { caller in
      let walk = try PageWalk(request, caller, context, fleet.store.pageTokens)
      let arm: Assignment.Arm?
      switch request.arm {
      case .unspecified: arm = nil
      case .canary: arm = .canary
      case .control: arm = .control
      case .unrecognized(let number):
        throw ServiceError.invalid(field: "arm", message: "there is no arm \(number)")
      }
      if request.failedOnly, arm != nil || request.pinnedOnly {
        throw ServiceError.invalid(
          field: "failed_only", message: "excludes arm and pinned_only")
      }
      let listing = try await fleet.store.scan(for: caller.share) {
        [telemetry = fleet.store.telemetry] db in
        let scan = try AssignmentScan(
          try Self.deployment(request.deploymentId, caller, db), db, telemetry)
        return request.failedOnly
          ? try scan.failures(walk.page, total: walk.total)
          : try scan.page(
            walk.page, arm: arm, pinnedOnly: request.pinnedOnly, total: walk.total)
      }
      return ListAssignmentsResponse.with {
        $0.assignments = listing.items
        $0.nextPageToken = walk.token(after: listing.next, total: listing.total)
        $0.totalSize = Int32(clamping: listing.total)
      }
    }
  }

  public func materialize(
    _ request: MaterializeRequest, context: ServerContext
  ) async throws -> MaterializeResponse {
    try await rules.perform(context) { caller in
      // Before the fleet is counted, which a repeat has no use for.
      if let first: MaterializeResponse = try rules.stored(request, caller, context.method) {
        return first
      }
      let counts = try await fleet.count(request.deploymentId, caller)
      let response: MaterializeResponse = try await rules.mutate(
        request, caller, context.method
      ) { mutation in
        let deployment = try Self.deployment(
          request.deploymentId, mutation.caller, mutation.tx)
        try Etag.check(
          request.etag, .deployment, request.deploymentId, revision: deployment.revision)
        try mutation.journal.note(
          .init(
            "materialized", attributes: ["targeted_devices": "\(counts.targeted)"],
            message: "\(counts.targeted) devices are targeted by \(deployment.name)"),
          deployment: deployment)
        return MaterializeResponse.with {
          $0.targetedDevices = Int32(clamping: counts.targeted)
          $0.canaryDevices = Int32(clamping: counts.canary)
          $0.controlDevices = Int32(clamping: counts.targeted - counts.canary)
          $0.pinnedDevices = Int32(clamping: counts.pinned)
        }
      }
      // Not only whom the event concerns: this is for when something looks off.
      if !request.validateOnly { fleet.connections.wake(caller.org) }
      return response
    }
  }
}
