internal import Synchronization

/// A buffer as the telemetry store's clock sees it.
protocol Flushable: Sendable {
  /// Queues what is recorded now, unless a flush is under way.
  func flush()
  /// Whether somebody waits for what is recorded.
  var isAwaited: Bool { get }
  /// Calls back when what is recorded now is committed, or kept because it could not be.
  func flushAll(_ completion: @escaping @Sendable () -> Void)
}

/// Has buffers written at an interval, and remembers whether that works. Its thread only queues work for the writer.
final class FlushClock: Sendable {
  private struct State {
    var buffers: [any Flushable] = []
    /// Somebody waits for what a buffer has recorded.
    var isAwaited = false
    var isClosed = false
  }

  private enum Turn {
    case awaited
    case end
  }

  private let state = Monitor(State())
  private let interval: Int64
  private let thread = Mutex<WorkerThread?>(nil)
  private let failure: FailureReport

  /// `report` is told when flushes begin to fail and, with nil, when they succeed again.
  init(every interval: Int64, report: @escaping @Sendable (String?) -> Void) {
    self.interval = interval
    failure = FailureReport(report)
  }

  func start() {
    let started = WorkerThread(name: "telemetry-clock") { [self] in
      var next = StoreClock.monotonicMilliseconds() + interval
      while true {
        let turn = state.wait(untilMilliseconds: next) { state -> Turn? in
          if state.isClosed { return .end }
          defer { state.isAwaited = false }
          return state.isAwaited ? .awaited : nil
        }
        if turn == .end { return }
        let isDue = StoreClock.monotonicMilliseconds() >= next
        if isDue { next += interval }
        for buffer in state.withLock({ $0.buffers }) where isDue || buffer.isAwaited {
          buffer.flush()
        }
      }
    }
    thread.withLock { $0 = started }
  }

  /// Has the thread write what somebody waits for: preparing a flush takes as long as much is recorded, and whoever records is an event
  /// loop. False when the thread has ended.
  func wake() -> Bool {
    let (isFirst, isClosed) = state.withLock { state in
      defer { state.isAwaited = true }
      return (!state.isAwaited, state.isClosed)
    }
    if isFirst { state.signal() }
    return !isClosed
  }

  func add(_ buffer: any Flushable) { state.withLock { $0.buffers.append(buffer) } }

  /// What became of a flush: nil, or why it failed.
  func note(_ error: (any Error)?) { failure.note(error) }

  func flushAll(_ completion: @escaping @Sendable () -> Void) {
    let buffers = state.withLock { $0.buffers }
    let rest = Countdown(buffers.count + 1, completion)
    for buffer in buffers { buffer.flushAll { rest.done() } }
    rest.done()
  }

  /// Ends the thread and has everything written that is buffered. Blocks until it is committed or failed.
  func close() {
    state.withLock { $0.isClosed = true }
    state.broadcast()
    thread.withLock { $0 }?.join()
    let finished = Monitor(false)
    flushAll {
      finished.withLock { $0 = true }
      finished.broadcast()
    }
    _ = finished.wait { $0 ? true : nil }
  }
}

/// Calls back when a number of things are done.
private final class Countdown: Sendable {
  private let rest: Atomic<Int>
  private let completion: @Sendable () -> Void

  init(_ count: Int, _ completion: @escaping @Sendable () -> Void) {
    rest = Atomic(count)
    self.completion = completion
  }

  func done() {
    if rest.subtract(1, ordering: .acquiringAndReleasing).newValue == 0 { completion() }
  }
}
