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

  init(_ writer: Writer) { self.writer = writer }

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
          self.sweep(configuration)
        }
      }
    }
    thread.withLock { $0 = started }
  }

  func add(_ buffer: any Flushable) { state.withLock { $0.buffers.append(buffer) } }

  var lastFailure: String? { failure.withLock { $0 } }

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

  private func sweep(_ configuration: StoreConfiguration) {
    queue(
      InternalWrite { transaction in
        _ = try transaction.purgeIdempotentRequests(limit: 10_000)
        if let retention = configuration.eventRetentionMilliseconds {
          let cutoff = transaction.nowMilliseconds - retention
          try EventLog.compact(createdBefore: cutoff, limit: 5_000, in: transaction.connection)
        }
      } completion: { [self] error in
        note(error)
      })
  }

  private func queue(_ job: WriteJob) {
    do {
      try writer.enqueue(job)
    } catch {
      // An overloaded or closing writer: the job is told, and its values wait for the next tick.
      job.fail(error)
    }
  }

  private func note(_ error: (any Error)?) {
    failure.withLock { $0 = error.map { "\($0)" } }
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
