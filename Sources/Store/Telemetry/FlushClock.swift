internal import Synchronization

/// A buffer as the telemetry store's clock sees it.
protocol Flushable: Sendable {
  /// Queues what is recorded now, unless a flush is under way.
  func flush()
  /// Calls back when what is recorded now is committed, or kept because it could not be.
  func flushAll(_ completion: @escaping @Sendable () -> Void)
}

/// Has buffers written at an interval, and remembers whether that works. Its thread only queues work for the writer.
final class FlushClock: Sendable {
  private struct State {
    var buffers: [any Flushable] = []
    var isClosed = false
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
      var next = StoreClock.monotonicMilliseconds()
      while true {
        next += interval
        if state.wait(untilMilliseconds: next, { $0.isClosed ? true : nil }) == true { return }
        for buffer in state.withLock({ $0.buffers }) { buffer.flush() }
      }
    }
    thread.withLock { $0 = started }
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
