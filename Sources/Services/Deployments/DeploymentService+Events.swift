public import API
internal import Domain
internal import ProtoWire
public import RPCCore
internal import Store

extension DeploymentService {
  /// The most types a list of events may be narrowed to.
  private static let maximumTypes = 32

  public func listEvents(
    _ request: ListEventsRequest, context: ServerContext
  ) async throws -> ListEventsResponse {
    try await rules.perform(context) { caller in
      let walk = try PageWalk(request, caller, context, fleet.store.pageTokens)
      let states = try Self.distinct(request.states) {
        try DeploymentState($0, field: "states[\($1)]")
      }
      let types = Self.distinct(request.types) { type, _ in type }
      guard types.count <= Self.maximumTypes else {
        throw ServiceError.invalid(
          field: "types", message: "\(types.count) types exceed \(Self.maximumTypes)")
      }
      // The total counts the deployment's whole history, so this runs beside the calls.
      let (deployment, listing) = try await fleet.store.scan(for: caller.share) { db in
        let deployment = try Self.deployment(request.deploymentId, caller, db)
        let history = EventLog.History(
          org: deployment.org.rawValue, resourceID: deployment.id.rawValue, kinds: types)
        let listing =
          states.isEmpty
          ? try EventLog(db).list(walk.page, of: history)
          : try Self.events(of: history, in: states, walk.page, db)
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

  /// A page of the events after which the deployment stood in one of some states. The state is part of the payload, so this reads
  /// the history a part at a time, until the page is full and the total no longer counts.
  private static func events(
    of history: EventLog.History, in states: [DeploymentState], _ page: Page,
    _ db: ReadTransaction
  ) throws -> Listing<LoggedEvent> {
    let log = EventLog(db)
    let after = page.after.flatMap { Int64($0) }
    var listing = Listing<LoggedEvent>(items: [], next: nil, total: 0)
    var (toSkip, hasMore) = (page.skip, false)
    var part = Page(limit: 500, order: page.order)
    repeat {
      let rows = try log.rows(part, of: history)
      for event in rows.items {
        let detail = try EventDetail(payload: event.event.payload)
        guard let state = detail.deploymentState, states.contains(state) else { continue }
        listing.total = min(listing.total + 1, Listing<LoggedEvent>.countLimit)
        if let after, page.order == .oldestFirst ? event.revision <= after : event.revision >= after
        {
          continue
        }
        if toSkip > 0 {
          toSkip -= 1
        } else if listing.items.count < page.limit {
          listing.items.append(event)
        } else {
          hasMore = true
        }
      }
      part.after = rows.hasMore ? rows.items.last.map { "\($0.revision)" } : nil
      // The page is full, and the total as great as it gets.
      if hasMore, listing.total == Listing<LoggedEvent>.countLimit { break }
    } while part.after != nil
    listing.next = hasMore ? listing.items.last.map { "\($0.revision)" } : nil
    return listing
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
