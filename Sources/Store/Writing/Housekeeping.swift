internal import Synchronization

/// The store's clock: flushes buffers, forgets expired request ids, compacts old events. Its thread
/// only queues work for the writer.
final class Housekeeping: Sendable {
  private struct State {
    var buffers: [any Flushable] = []
    var isClosed = false
  }
  private let state = Monitor(State())
  private let writer: Writer
  private let thread = Mutex<WorkerThread?>(nil)
  /// The last failure of work that nobody awaits, until it succeeds again.
  private let failure = Mutex<String?>(nil)
  private let report: @Sendable (String?) -> Void

  /// `report` is told when work begins to fail and, with nil, when it succeeds again.
  init(_ writer: Writer, report: @escaping @Sendable (String?) -> Void) {
    self.writer = writer
    self.report = report
  }

  func start(_ configuration: StoreConfiguration) {
    let started = WorkerThread(name: "store-clock") { [self] in
      var next = StoreClock.monotonicMilliseconds()
      var sweep = next
      while true {
        next += configuration.flushIntervalMilliseconds
        let isClosed = state.wait(untilMilliseconds: next) { $0.isClosed ? true : nil } ?? false
        if isClosed { return }
        flush {}
        if next >= sweep {
          sweep = next + configuration.sweepIntervalMilliseconds
          self.sweep(configuration) {}
        }
      }
    }
    thread.withLock { $0 = started }
  }

  func add(_ buffer: any Flushable) { state.withLock { $0.buffers.append(buffer) } }

  /// Queues what every buffer holds; `completion` is called once all of it is committed or failed,
  /// and with `andWait` also what an earlier flush had queued.
  func flush(andWait: Bool = false, _ completion: @escaping @Sendable () -> Void) {
    let buffers = state.withLock { $0.buffers }
    let rest = Countdown(buffers.count + 1, completion)
    for buffer in buffers {
      guard
        let job = buffer.flush({ [self] error in
          note(error)
          rest.done()
        })
      else {
        rest.done()
        continue
      }
      queue(job)
    }
    if andWait {
      // The writer works in order: when this one is done, everything queued before it is.
      queue(InternalWrite({ _ in }, completion: { _ in rest.done() }))
    } else {
      rest.done()
    }
  }

  /// Rows removed in one write, so that others come through in between.
  static let sweepStep = 2_000

  /// Queues the removal of what has expired, step by step until nothing of it is left: a sweep that stopped early would fall behind
  /// whoever writes faster. `completion` is called after the last step, or the first that failed.
  func sweep(_ configuration: StoreConfiguration, _ completion: @escaping @Sendable () -> Void) {
    let outcome = Outcome()
    queue(
      InternalWrite { transaction in
        let requests = try transaction.purgeIdempotentRequests(limit: Self.sweepStep)
        var events = 0
        if let retention = configuration.eventRetentionMilliseconds {
          events = try EventLog.compact(
            createdBefore: transaction.nowMilliseconds - retention, limit: Self.sweepStep,
            in: transaction.connection)
        }
        outcome.isUnfinished.store(
          max(requests, events) >= Self.sweepStep, ordering: .releasing)
      } completion: { [self] error in
        note(error)
        if error == nil, outcome.isUnfinished.load(ordering: .acquiring),
          !state.withLock({ $0.isClosed })
        {
          sweep(configuration, completion)
        } else {
          completion()
        }
      })
  }

  private final class Outcome: Sendable {
    let isUnfinished = Atomic<Bool>(false)
  }

  private func queue(_ job: any WriteJob) {
    do {
      try writer.enqueue(job)
    } catch {
      // An overloaded or closing writer: the job is told, and its values wait for the next tick.
      job.fail(error)
    }
  }

  private func note(_ error: (any Error)?) {
    let text = error.map { "\($0)" }
    let hasChanged = failure.withLock { failure in
      defer { failure = text }
      return (failure == nil) != (text == nil)
    }
    if hasChanged { report(text) }
  }

  /// Ends the thread and queues the last flush. Blocks until that is committed.
  func close() {
    state.withLock { $0.isClosed = true }
    state.broadcast()
    thread.withLock { $0 }?.join()
    // A flush that was under way kept newer values back; the second pass takes them.
    for _ in 0..<2 {
      let finished = Monitor(false)
      flush(andWait: true) {
        finished.withLock { $0 = true }
        finished.broadcast()
      }
      _ = finished.wait { $0 ? true : nil }
    }
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
