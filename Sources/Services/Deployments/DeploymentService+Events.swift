public import API
internal import Domain
internal import ProtoWire
public import RPCCore
internal import Store

extension DeploymentService {
  /// The most types a list of events may be narrowed to.
  private static let maximumTypes = 32
  /// Events that a page looks at whose filter needs their payload.
  private static let maximumLooks = 10_000

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
      // Not on the loop: what matches may lie far apart.
      let (deployment, listing) = try await fleet.store.scan(for: caller.share) { db in
        let deployment = try Self.deployment(request.deploymentId, caller, db)
        let history = EventLog.History(
          org: deployment.org.rawValue, resourceID: deployment.id.rawValue, kinds: types)
        let listing =
          states.isEmpty
          ? try Self.events(of: history, walk, db)
          : try Self.events(of: history, in: states, walk, db)
        return (deployment, listing)
      }
      return ListEventsResponse.with {
        $0.events = listing.items
        $0.nextPageToken = walk.token(after: listing.next, total: listing.total)
        $0.totalSize = Int32(clamping: listing.total)
        $0.deploymentId = deployment.id.rawValue
        $0.deploymentState = API.Deployment.State(deployment.state)
      }
    }
  }

  /// A page of a history; the first one counts it.
  private static func events(
    of history: EventLog.History, _ walk: PageWalk, _ db: ReadTransaction
  ) throws -> Listing<API.Event> {
    let log = EventLog(db)
    let (found, hasMore) = try log.rows(walk.page, of: history)
    var items = PageItems<API.Event>(walk.page)
    for logged in found {
      let event = try API.Event(logged)
      guard items.add(event, bytes: event.encodedSize) else { break }
    }
    return Listing(
      items: items.items,
      next: hasMore || items.isFull ? items.items.last.map { "\($0.revision)" } : nil,
      total: try walk.total ?? log.count(history, upTo: Listing<API.Event>.countLimit))
  }

  /// A page of the events after which the deployment stood in one of some states. The state is part of the payload, so this reads
  /// events, a part at a time: at most ``maximumLooks``, and the page may be shorter for it. The total is that of the first page's.
  private static func events(
    of history: EventLog.History, in states: [DeploymentState], _ walk: PageWalk,
    _ db: ReadTransaction
  ) throws -> Listing<API.Event> {
    let log = EventLog(db)
    var items = PageItems<API.Event>(walk.page)
    var (total, looks, toSkip) = (0, 0, walk.page.skip)
    var part = Page(limit: 500, after: walk.page.after, order: walk.page.order)
    // Where the next page begins.
    var last = walk.page.after
    var hasMore = true
    while hasMore, looks < maximumLooks, !items.isFull || walk.total == nil {
      let rows = try log.rows(part, of: history)
      for logged in rows.items {
        looks += 1
        let state = try EventDetail(payload: logged.event.payload).deploymentState
        if let state, states.contains(state) {
          total += 1
          if toSkip > 0 {
            toSkip -= 1
          } else if !items.isFull {
            let event = try API.Event(logged)
            _ = items.add(event, bytes: event.encodedSize)
          }
        }
        if !items.isFull { last = "\(logged.revision)" }
      }
      hasMore = rows.hasMore
      part.after = rows.items.last.map { "\($0.revision)" }
    }
    return Listing(
      items: items.items, next: hasMore || items.isFull ? last : nil, total: walk.total ?? total)
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
