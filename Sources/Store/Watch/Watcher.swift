/// Something with a place in the log.
protocol Revisioned {
  var revision: Int64 { get }
}

/// Where one watch stands in the log: a pure state machine, driven by `WatchHub`.
///
/// - `catchingUp`: pages of the log are read after `scanned` until its end is reached.
/// - `synced`: matching events arrive as they are committed and wait in a bounded buffer while the
///   sink is full. One more than the buffer holds drops it and returns to `catchingUp` at the first
///   event that was not taken: a slow consumer is replayed to, neither dropped nor waited for.
/// - `ended`: nothing more happens.
///
/// Invariant: the sink has accepted exactly the matching events up to `scanned` that are not in
/// `buffer`, in order, each once.
struct Watcher<Event: Revisioned> {
  enum State: Hashable, Sendable {
    case catchingUp, synced, ended
  }

  enum Action {
    /// Nothing to do until an event, a writable sink or a page.
    case wait
    /// Read the log after this revision and call `page`.
    case read(after: Int64)
    /// Offer these to the sink and call `accepted` or `refused`.
    case offer(ArraySlice<Event>)
  }

  private(set) var state = State.catchingUp
  /// The log has been examined through this revision; while synced, at least through it.
  private(set) var scanned: Int64
  /// Matching events the sink has not accepted yet, oldest first.
  private(set) var buffer: [Event] = []
  /// The sink was full and has not become writable since.
  private(set) var isBlocked = false
  private let limit: Int
  private let batch: Int

  /// Resumes after `revision`. `limit`: events that wait for a full sink; `batch`: events offered
  /// at once.
  init(after revision: Int64, limit: Int, batch: Int = 64) {
    scanned = revision
    self.limit = limit
    self.batch = batch
  }

  /// What the hub has to do next.
  var next: Action {
    if state == .ended || isBlocked { return .wait }
    if !buffer.isEmpty { return .offer(buffer.prefix(batch)) }
    return state == .catchingUp ? .read(after: scanned) : .wait
  }

  /// A page of matching events after `scanned`. `through`: the revision examined up to;
  /// `head`: the newest revision that was dispatched to synced watchers so far. A page that
  /// examined everything up to it ends the catching up.
  mutating func page(_ events: [Event], through: Int64, head: Int64) {
    guard state == .catchingUp, buffer.isEmpty else { return }
    buffer = events
    scanned = max(scanned, through)
    if scanned >= head { state = .synced }
  }

  /// A matching event was committed.
  mutating func live(_ event: Event) {
    // While catching up it will be read from the log; at or below `scanned` it already was.
    guard state == .synced, event.revision > scanned else { return }
    if buffer.count >= limit {
      fallBack(to: (buffer.first?.revision ?? event.revision) - 1)
    } else {
      buffer.append(event)
      scanned = event.revision
    }
  }

  /// Committed events after `head` were not dispatched: they must be read from the log.
  mutating func lost(after head: Int64) {
    guard state == .synced else { return }
    fallBack(to: buffer.first.map { $0.revision - 1 } ?? max(scanned, head))
  }

  /// The sink took the first `count` events of the buffer.
  mutating func accepted(_ count: Int) { buffer.removeFirst(count) }

  /// The sink is full and took nothing.
  mutating func refused() { isBlocked = true }

  mutating func becameWritable() { isBlocked = false }

  mutating func end() {
    state = .ended
    buffer = []
  }

  /// The revision a bookmark may name: every matching event up to it was accepted. `head` as in
  /// `page`. Nil while something waits for the sink.
  func bookmark(head: Int64) -> Int64? {
    guard buffer.isEmpty, !isBlocked else { return nil }
    switch state {
    case .catchingUp: return scanned
    case .synced: return max(scanned, head)
    case .ended: return nil
    }
  }

  private mutating func fallBack(to revision: Int64) {
    buffer = []
    scanned = revision
    state = .catchingUp
  }
}
