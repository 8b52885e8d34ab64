public import API
internal import Domain
internal import ProtoWire
public import RPCCore
internal import Store

extension DeploymentService {
  public func listEvents(
    _ request: ListEventsRequest, context: ServerContext
  ) async throws -> ListEventsResponse {
    try await rules.perform(context) { caller in
      let walk = try PageWalk(request, caller, context, fleet.store.pageTokens)
      let states = Set(
        try request.states.enumerated().map { try DeploymentState($1, field: "states[\($0)]") })
      let types = Set(request.types)
      // The total counts the deployment's whole history, so this runs beside the calls.
      let (deployment, listing) = try await fleet.store.scan { db in
        let deployment = try Self.deployment(request.deploymentId, caller, db)
        let listing = try Self.events(of: deployment, walk.page, db) { event in
          if !types.isEmpty, !types.contains(event.event.kind) { return false }
          guard !states.isEmpty else { return true }
          let detail = try EventDetail(payload: event.event.payload)
          return detail.deploymentState.map { states.contains($0) } ?? false
        }
        return (deployment, listing)
      }
      return try ListEventsResponse.with {
        $0.events = try listing.items.map { try API.Event($0) }
        $0.nextPageToken = walk.token(after: listing.next)
        $0.totalSize = Int32(clamping: listing.total)
        $0.deploymentId = deployment.id.rawValue
        $0.deploymentState = API.Deployment.State(deployment.state)
      }
    }
  }

  /// A page of a deployment's events, its rollouts' and pins' included.
  private static func events(
    of deployment: Domain.Deployment, _ page: Page, _ db: ReadTransaction,
    where matches: (LoggedEvent) throws -> Bool
  ) throws -> Listing<LoggedEvent> {
    let log = EventLog(db)
    var found: [LoggedEvent] = []
    var before = Int64.max
    while true {
      let chunk = try log.newest(
        org: deployment.org.rawValue, resourceID: deployment.id.rawValue, before: before,
        limit: 500)
      found += try chunk.filter(matches)
      guard chunk.count == 500, let last = chunk.last else { break }
      before = last.revision
    }
    if page.order == .oldestFirst { found.reverse() }
    var rest = found[...]
    if let after = page.after.flatMap({ Int64($0) }) {
      rest = rest.drop { event in
        page.order == .oldestFirst ? event.revision <= after : event.revision >= after
      }
    }
    rest = rest.dropFirst(page.skip)
    let items = Array(rest.prefix(page.limit))
    return Listing(
      items: items, next: rest.count > items.count ? items.last.map { "\($0.revision)" } : nil,
      total: found.count)
  }
}

extension API.Event {
  init(_ logged: LoggedEvent) throws {
    self.init()
    let event = logged.event
    let detail = try EventDetail(payload: event.payload)
    revision = logged.revision
    occurredAt = Google_Protobuf_Timestamp(
      Timestamp(milliseconds: logged.createdAtMilliseconds))
    type = event.kind
    resourceType = event.resourceType
    resourceId = event.resourceID
    deploymentId = detail.deployment
    rolloutId = detail.rollout
    actorId = event.actor == "automator" ? "" : event.actor
    method = event.actor == "automator" ? "" : event.method
    requestId = event.requestID
    if let state = detail.deploymentState { deploymentState = API.Deployment.State(state) }
    if let state = detail.rolloutState { rolloutState = API.Rollout.State(state) }
    attributes = detail.attributes
    message = detail.message
  }
}

extension ListEventsRequest: ListRequest {}
