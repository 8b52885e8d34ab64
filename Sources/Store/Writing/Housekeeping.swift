internal import Domain
internal import Synchronization

/// The store's clock: forgets expired request ids, compacts old events, takes members out of groups that are gone, has the database
/// remember what time it is. Its thread only queues work for the writer.
final class Housekeeping: Sendable {
  private struct State {
    var isClosed = false
  }
  private let state = Monitor(State())
  private let writer: Writer
  private let clocks: StoreClocks
  private let thread = Mutex<WorkerThread?>(nil)
  private let failure: FailureReport

  /// `report` is told when work begins to fail and, with nil, when it succeeds again.
  init(
    _ writer: Writer, _ clocks: StoreClocks, report: @escaping @Sendable (String?) -> Void
  ) {
    self.writer = writer
    self.clocks = clocks
    failure = FailureReport(report)
  }

  func start(_ configuration: StoreConfiguration) {
    let started = WorkerThread(name: "store-clock") { [self] in
      var next = StoreClock.monotonicMilliseconds() + configuration.firstSweepMilliseconds
      while true {
        let isClosed = state.wait(untilMilliseconds: next) { $0.isClosed ? true : nil } ?? false
        if isClosed { return }
        sweep(configuration) {}
        next += configuration.sweepIntervalMilliseconds
      }
    }
    thread.withLock { $0 = started }
  }

  /// Rows removed in one write, so that others come through in between.
  static let sweepStep = 2_000

  /// Queues the removal of what has expired, step by step until nothing of it is left: a sweep that stopped early would fall behind
  /// whoever writes faster. `completion` is called after the last step, or the first that failed.
  func sweep(_ configuration: StoreConfiguration, _ completion: @escaping @Sendable () -> Void) {
    let outcome = Outcome()
    queue(
      InternalWrite { [clocks] transaction in
        let now = clocks.advance()
        let requests = try transaction.purgeIdempotentRequests(
          before: now.certain - configuration.idempotencyRetentionMilliseconds,
          limit: Self.sweepStep)
        let members = try DeviceGroup.sweepMembers(limit: Self.sweepStep, transaction.connection)
        var events = 0
        if let retention = configuration.eventRetentionMilliseconds {
          events = try EventLog.compact(
            createdBefore: now.certain - retention, now: now.ages, limit: Self.sweepStep,
            in: transaction.connection)
        }
        try clocks.save(transaction.connection)
        outcome.isUnfinished.store(
          max(requests, events, members) >= Self.sweepStep, ordering: .releasing)
      } completion: { [self] error in
        failure.note(error)
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

  /// Ends the thread. Blocks. The writer, which is closed next, remembers the time.
  func close() {
    state.withLock { $0.isClosed = true }
    state.broadcast()
    thread.withLock { $0 }?.join()
    queue(
      InternalWrite { [clocks] transaction in
        try clocks.save(transaction.connection)
      } completion: { [failure] error in
        failure.note(error)
      })
  }
}
