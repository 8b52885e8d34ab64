internal import SQL
internal import Synchronization

/// Threads for reads without a bound: lists over a fleet, analyses, exports. Each has its own
/// connections; which scan it runs next is ``ScanQueue``'s to say.
final class ScanPool: Sendable {
  struct Options: Sendable {
    /// Threads of each lane. Two: one long scan does not hold every other up.
    var threads = 2
    var limits = ScanQueue<any ScanJob>.Limits()
    /// How long a scan may take in the short lane.
    var shortMilliseconds: Int64 = 50
    /// How long one may take at all.
    var longMilliseconds: Int64 = 60_000
  }

  private struct State {
    var queue: ScanQueue<any ScanJob>
    var isClosed = false
    var threads: [WorkerThread] = []
  }
  private let state: Monitor<State>
  private let options: Options
  /// Held by whoever wants no scan to run.
  private let quiet = Mutex(())

  init(_ engine: any Engine, _ telemetry: TelemetryStore, _ options: Options) {
    self.options = options
    let state = Monitor(State(queue: ScanQueue(options.limits)))
    self.state = state
    let started = ScanQueue<any ScanJob>.Lane.allCases.flatMap { lane in
      (0..<max(1, options.threads)).map { index in
        WorkerThread(name: "store-scan-\(lane == .short ? "s" : "l")\(index)") {
          Self.work(lane, options, state) { try ScanReaders(engine, telemetry) }
        }
      }
    }
    state.withLock { $0.threads = started }
  }

  private static func work(
    _ lane: ScanQueue<any ScanJob>.Lane, _ options: Options, _ state: Monitor<State>,
    _ open: () throws -> ScanReaders
  ) {
    var readers: ScanReaders?
    defer { readers?.close() }
    while true {
      let next: (id: UInt64, job: any ScanJob)?? = state.wait { state in
        if let next = state.queue.next(lane) { return .some(next) }
        // Whatever runs in the short lane may still come to the long one.
        return state.isClosed && state.queue.count == 0 ? .some(nil) : nil
      }
      guard let (id, job) = next ?? nil else { break }
      let isDone = Self.run(job, lane, &readers, options, open)
      state.withLock { isDone ? $0.queue.finished(id) : $0.queue.needsLonger(id) }
      state.broadcast()
    }
  }

  /// False when the scan needs the long lane.
  private static func run(
    _ job: any ScanJob, _ lane: ScanQueue<any ScanJob>.Lane, _ known: inout ScanReaders?,
    _ options: Options, _ open: () throws -> ScanReaders
  ) -> Bool {
    let readers: ScanReaders
    do {
      readers = try known ?? open()
      known = readers
    } catch {
      job.fail(error)
      return true
    }
    switch lane {
    case .short: return job.run(readers, milliseconds: options.shortMilliseconds)
    case .long:
      if !job.run(readers, milliseconds: options.longMilliseconds) {
        job.fail(StoreError.scanTooLong(milliseconds: options.longMilliseconds))
      }
      return true
    }
  }

  /// Queues a scan; throws `.overdrawn` or `.closed` without queueing.
  func enqueue(_ job: any ScanJob, _ caller: ScanCaller) throws(StoreError) -> UInt64 {
    let id = try state.withLock { state throws(StoreError) in
      if state.isClosed { throw StoreError.closed }
      return try state.queue.add(job, caller)
    }
    state.broadcast()
    return id
  }

  /// Answers a scan that still waits, because its caller was cancelled.
  func withdraw(_ id: UInt64) {
    let job = state.withLock { $0.queue.withdraw(id) }
    job?.fail(CancellationError())
  }

  // MARK: Quiet

  /// Runs `body` at a moment when no scan has a view of the database open; none begins meanwhile. Blocks as long as the longest
  /// running scan takes; short ones go on until the long ones are done. Returns without running it when the pool is closed.
  /// One caller at a time; others wait.
  func whileQuiet(_ body: () -> Void) {
    quiet.withLock { _ in
      defer {
        state.withLock { state in
          for lane in ScanQueue<any ScanJob>.Lane.allCases { state.queue.hold(lane, false) }
        }
        state.broadcast()
      }
      for lane in [ScanQueue<any ScanJob>.Lane.long, .short] {
        state.withLock { $0.queue.hold(lane, true) }
        let isQuiet = state.wait { state -> Bool? in
          if state.isClosed { return false }
          return state.queue.running(lane) == 0 ? true : nil
        }
        guard isQuiet == true else { return }
      }
      body()
    }
  }

  /// Finishes the waiting scans, then ends the threads. Blocks.
  func close() {
    let threads = state.withLock { state in
      state.isClosed = true
      for lane in ScanQueue<any ScanJob>.Lane.allCases { state.queue.hold(lane, false) }
      return state.threads
    }
    state.broadcast()
    for thread in threads { thread.join() }
  }
}
