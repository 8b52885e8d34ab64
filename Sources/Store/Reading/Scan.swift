internal import SQL
internal import Synchronization

/// One scan on its way through the pool.
protocol ScanJob: AnyObject, Sendable {
  /// Runs the scan and answers its waiter. False: the time was up before it was done and nobody was answered; it may run again.
  func run(_ readers: ScanReaders, milliseconds: Int64) -> Bool
  /// Answers the waiter.
  func fail(_ error: any Error)
}

/// A scan whose caller waits in a Task.
final class AwaitedScan<Result: Sendable>: ScanJob {
  private let body: @Sendable (ReadTransaction) throws -> Result
  private let isCancelled = Atomic<Bool>(false)
  /// The time of the run that is under way was up.
  private let isLate = Atomic<Bool>(false)
  /// What the pool calls it; 0 before it is queued.
  private let ticket = Atomic<UInt64>(0)
  private let continuation = Mutex<UnsafeContinuation<Result, any Error>?>(nil)

  init(_ body: @escaping @Sendable (ReadTransaction) throws -> Result) { self.body = body }

  /// Gives the scan its waiter; false when the Task was cancelled before.
  func arm(_ waiter: UnsafeContinuation<Result, any Error>) -> Bool {
    if isCancelled.load(ordering: .acquiring) { return false }
    continuation.withLock { $0 = waiter }
    return true
  }

  /// Queues the armed scan; whoever is refused is answered.
  func enqueue(in pool: ScanPool, _ caller: ScanCaller) {
    do {
      ticket.store(try pool.enqueue(self, caller), ordering: .sequentiallyConsistent)
      if isCancelled.load(ordering: .sequentiallyConsistent) { cancel(in: pool) }
    } catch {
      fail(error)
    }
  }

  /// Answers a scan that waits, and has a running one stop in the middle of its statement.
  func cancel(in pool: ScanPool) {
    isCancelled.store(true, ordering: .sequentiallyConsistent)
    let ticket = ticket.load(ordering: .sequentiallyConsistent)
    if ticket != 0 { pool.withdraw(ticket) }
  }

  func run(_ readers: ScanReaders, milliseconds: Int64) -> Bool {
    let deadline = StoreClock.monotonicMilliseconds() + milliseconds
    isLate.store(false, ordering: .relaxed)
    let outcome = Swift.Result<Result, any Error> {
      if isCancelled.load(ordering: .acquiring) { throw CancellationError() }
      return try readers.readOnce(
        asking: { [self] in
          if isCancelled.load(ordering: .relaxed) { return false }
          guard StoreClock.monotonicMilliseconds() >= deadline else { return true }
          isLate.store(true, ordering: .relaxed)
          return false
        }, body)
    }
    switch outcome {
    case .success(let value): answer(.success(value))
    case .failure where isCancelled.load(ordering: .acquiring):
      answer(.failure(CancellationError()))
    case .failure where isLate.load(ordering: .relaxed): return false
    case .failure(let error): fail(error)
    }
    return true
  }

  func fail(_ error: any Error) { answer(.failure(StoreError.translating(error))) }

  private func answer(_ result: Swift.Result<Result, any Error>) {
    let waiter = continuation.withLock { waiter in
      defer { waiter = nil }
      return waiter
    }
    waiter?.resume(with: result)
  }
}

/// The readers of a scan thread: one of the database that is scanned, and one of what devices report, which the thread has as its own,
/// so that no scan waits for others or makes others wait.
struct ScanReaders {
  private let scanned: Reader
  private let telemetry: Reader

  /// Opened on the thread that scans.
  init(_ engine: any Engine, _ telemetry: TelemetryStore) throws {
    scanned = try Reader(engine)
    do {
      self.telemetry = try telemetry.attachScanReader()
    } catch {
      scanned.close()
      throw error
    }
  }

  /// As ``Reader/readOnce(asking:_:)``; statements on what devices report are asked for too.
  func readOnce<R>(
    asking mayGoOn: @escaping @Sendable () -> Bool, _ body: (ReadTransaction) throws -> R
  ) throws -> R {
    try telemetry.asking(mayGoOn) { try scanned.readOnce(asking: mayGoOn, body) }
  }

  func close() {
    scanned.close()
    telemetry.close()
  }
}
