internal import API
internal import Domain
internal import ProtoWire
internal import RPCCore
internal import Store
internal import Synchronization

/// One watch of a deployment's health: sends the latest reading when it says something new.
///
/// What is sent is computed by the ``HealthTopic`` that it shares with all who watch the deployment. An idle watch holds no Task.
final class HealthWatch: WatchSink {
  private struct State {
    /// The number of the reading that was sent last.
    var sent = 0
    /// The newest revision that the client was told.
    var revision: Int64
    /// A bookmark waits for a reading that is as new as it.
    var owed: Int64?
  }

  private let fleet: FleetState
  private let topic = Mutex<HealthTopic?>(nil)
  private let stream: DetachedResponseStream<WatchHealthResponse>
  private let lease: CallerLease
  private let failure: @Sendable (WatchEnd) -> RPCError
  private let state: Mutex<State>

  /// Events say only that something happened.
  private static let encoding = WatchEncoding { _ in [] }

  /// `revision`: what the client knows already.
  init(
    _ fleet: FleetState, stream: DetachedResponseStream<WatchHealthResponse>, _ lease: CallerLease,
    after revision: Int64, failure: @escaping @Sendable (WatchEnd) -> RPCError
  ) {
    self.fleet = fleet
    self.stream = stream
    self.lease = lease
    self.failure = failure
    state = Mutex(State(revision: revision))
  }

  /// Sends the state as it is and begins to watch.
  func start(_ deployment: DeploymentID, org: OrgID) throws {
    let topic = fleet.health.join(self, deployment, org: org)
    self.topic.withLock { $0 = topic }
    let revision = state.withLock { $0.revision }
    do {
      try topic.prepare(revision)
    } catch {
      fleet.health.leave(self, topic)
      throw error
    }
    deliver()
    let subscription = fleet.store.watch.subscribe(
      WatchFilter(
        org: org.rawValue, resourceTypes: ["deployment", "rollout"],
        resourceIDs: [deployment.rawValue]), after: revision, encoding: Self.encoding, sink: self)
    stream.onWritable { [weak self] in self?.deliver() }
    stream.onTermination { [self] _ in
      subscription.cancel()
      fleet.health.leave(self, topic)
    }
  }

  func offer(_ events: [WatchedEvent]) -> WatchOffer {
    topic.withLock { $0 }?.wake()
    return .accepted
  }

  func bookmark(_ revision: Int64) -> WatchOffer {
    // Checked here too, so that a silent watch ends with its key.
    guard checkCaller() else { return .accepted }
    state.withLock { $0.owed = revision }
    if topic.withLock({ $0 })?.isFresh() ?? false { deliver() }
    return .accepted
  }

  func ended(_ reason: WatchEnd) { stream.finish(failure(reason)) }

  func failed(_ error: any Error) { ended(.failed("\(error)")) }

  /// Sends the latest reading unless it was sent, and else a bookmark that is owed. A client without room gets what is the latest
  /// once it has some.
  func deliver() {
    guard !stream.isTerminated, checkCaller(), stream.hasRoom() else { return }
    guard let reading = topic.withLock({ $0 })?.latest else { return }
    // Under the lock, so that two who deliver send in the order of their readings. Sending does not wait.
    state.withLock { state in
      if reading.number > state.sent {
        state.sent = reading.number
        state.revision = max(state.revision, reading.revision)
        stream.sendEncoded(reading.bytes)
      } else if let owed = state.owed {
        state.revision = max(state.revision, owed)
        stream.send(
          .with {
            $0.revision = state.revision
            $0.content = .bookmark(Bookmark())
          })
      }
      state.owed = nil
    }
  }

  /// Ends the stream when its caller may not go on, and tells whether it may.
  private func checkCaller() -> Bool {
    guard let refusal = lease.refusal() else { return true }
    stream.finish(refusal)
    return false
  }
}
