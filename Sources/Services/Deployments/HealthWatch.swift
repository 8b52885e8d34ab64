internal import API
internal import Domain
internal import ProtoWire
internal import RPCCore
internal import Store
internal import Synchronization

/// One watch of a deployment's health: sends the latest state when it has changed, at most about once a second.
///
/// Reports and events only wake it. It holds a Task only between a wake and the answer; an idle watch looks once a bookmark.
final class HealthWatch: WatchSink {
  private struct State {
    var sent: DeploymentHealth?
    var isLooking = false
    var isDirty = false
    var revision: Int64
  }

  /// Longer than the interval at which reports are written down, so that what woke the watch can be seen.
  private static let delay: Duration = .milliseconds(700)
  private static let encoding = WatchEncoding { _ in [] }

  private let fleet: FleetState
  private let deployment: DeploymentID
  private let org: OrgID
  private let stream: DetachedResponseStream<WatchHealthResponse>
  private let lease: CallerLease
  private let failure: @Sendable (WatchEnd) -> RPCError
  private let state: Mutex<State>
  private let isReading = Atomic<Bool>(false)

  init(
    _ fleet: FleetState, _ deployment: DeploymentID, org: OrgID,
    stream: DetachedResponseStream<WatchHealthResponse>, _ lease: CallerLease,
    failure: @escaping @Sendable (WatchEnd) -> RPCError
  ) {
    self.fleet = fleet
    self.deployment = deployment
    self.org = org
    self.stream = stream
    self.lease = lease
    self.failure = failure
    state = Mutex(State(revision: 0))
  }

  func start(after revision: Int64) {
    state.withLock { $0.revision = revision }
    look()
    let subscription = fleet.store.watch.subscribe(
      WatchFilter(
        org: org.rawValue, resourceTypes: ["deployment", "rollout"],
        resourceIDs: [deployment.rawValue]), after: revision, encoding: Self.encoding, sink: self)
    let signal = fleet.health.add(deployment) { [weak self] in self?.wake() }
    stream.onWritable { [weak self] in self?.wake() }
    stream.onTermination { [fleet, deployment] _ in
      subscription.cancel()
      fleet.health.remove(signal, of: deployment)
    }
  }

  func offer(_ events: [WatchedEvent]) -> WatchOffer {
    if let last = events.last { state.withLock { $0.revision = last.revision } }
    wake()
    return .accepted
  }

  func bookmark(_ revision: Int64) -> WatchOffer {
    state.withLock { $0.revision = revision }
    guard checkCaller(), stream.hasRoom() else { return .accepted }
    // What a late flush brought is found here at the latest.
    if !look() {
      stream.send(
        .with {
          $0.revision = revision
          $0.content = .bookmark(Bookmark())
        })
    }
    return .accepted
  }

  /// Ends the stream when its caller may not go on, and tells whether it may.
  private func checkCaller() -> Bool {
    guard let refusal = lease.refusal() else { return true }
    stream.finish(refusal)
    return false
  }

  func ended(_ reason: WatchEnd) { stream.finish(failure(reason)) }

  private func wake() {
    let mustStart = state.withLock { state in
      state.isDirty = true
      defer { state.isLooking = true }
      return !state.isLooking
    }
    guard mustStart else { return }
    Task { [weak self] in
      while let self, self.takeDirty() {
        // Cancelled only with the process; the next bookmark looks anyway.
        do { try await Task.sleep(for: Self.delay) } catch { return }
        self.look()
      }
    }
  }

  private func takeDirty() -> Bool {
    state.withLock { state in
      defer { state.isDirty = false }
      state.isLooking = state.isDirty
      return state.isDirty
    }
  }

  /// Computes the health and sends it when it differs from what was sent. False when there was nothing to send.
  @discardableResult
  private func look() -> Bool {
    guard !stream.isTerminated, checkCaller(), stream.hasRoom() else { return false }
    // One look at a time, and not under the lock: the read may wait for a reader, and event loops wake this watch.
    guard isReading.compareExchange(expected: false, desired: true, ordering: .acquiring).exchanged
    else {
      wake()
      return true
    }
    defer { isReading.store(false, ordering: .releasing) }
    do {
      return try sendIfNew()
    } catch {
      stream.finish(failure(.failed("\(error)")))
      return false
    }
  }

  private func sendIfNew() throws -> Bool {
    let found = try fleet.store.read { db -> DeploymentHealth? in
      guard let deployment = try Deployments(db).find(deployment, org: org) else { return nil }
      return try DeploymentService.health(
        deployment, now: DeploymentService.now, db, fleet.store.telemetry)
    }
    guard let health = found else { return false }
    var comparable = health
    comparable.computedAt = nil
    let revision = state.withLock { state -> Int64? in
      guard comparable != state.sent else { return nil }
      state.sent = comparable
      return state.revision
    }
    guard let revision else { return false }
    return stream.send(
      .with {
        $0.revision = revision
        $0.content = .snapshot(health)
      })
  }
}
