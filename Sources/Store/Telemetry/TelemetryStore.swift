internal import SQL
internal import Synchronization

/// What devices report: a database of its own beside the control plane's (`telemetry.db`), with a writer of its own.
///
/// Nobody who changes a deployment waits for what a fleet reports, and neither is in the other's transactions: rows here name devices,
/// deployments and rollouts by their ids. What is written goes through a ``WriteBehind``.
public final class TelemetryStore: Sendable {
  /// The database's file in the data folder.
  static let fileName = "telemetry.db"

  /// Rows that did not decode.
  let damage: TelemetryDamage
  private let writer: Writer
  private let pool: ReaderPool
  let engine: any Engine
  private let commits = CommitSequence()
  private let clock: FlushClock
  private let turns = WriteTurns()
  private let checkpointer = LateCheckpointer()
  private let loopReaders = Mutex<[Reader]>([])
  private let isClosed = Atomic<Bool>(false)

  /// Opens the database in `folder`, which the caller holds the lock of, and brings both schemas up to date: this one's, and with
  /// `migrations` that of `control`, whose telemetry is taken over before the step that removes it.
  init(
    folder: DataFolder, _ configuration: StoreConfiguration, ids: IDGenerator,
    clocks: StoreClocks,
    takingOver control: Connection, _ migrations: [Migration], wrap: (any Engine) -> any Engine
  ) throws {
    var options = SQLiteEngine.Options()
    options.maximumPages = configuration.maximumPages
    engine = wrap(SQLiteEngine(path: folder.telemetry, options: options))
    writer = Writer(limit: configuration.maximumWaitingWrites)
    pool = ReaderPool(engine, limit: configuration.pooledReaders)
    damage = TelemetryDamage(report: configuration.onDamage)
    clock = FlushClock(every: configuration.flushIntervalMilliseconds) {
      [report = configuration.onHousekeeping] failure in report(.flushAndSweep, failure)
    }
    let connection = try Connection(engine, .readWrite)
    do {
      let now = configuration.clock()
      try Migrations.apply(TelemetryMigrations.all, to: connection, now: now)
      try Migrations.apply(migrations, to: control, now: now) { step in
        guard step.version == Migration.telemetryApart.version else { return }
        try TelemetryMigrations.takeOver(from: folder.database, connection)
      }
    } catch {
      connection.close()
      throw error
    }
    let (commits, checkpointer) = (commits, checkpointer)
    let core = WriterCore(
      engine: engine, connection: connection, clock: configuration.clock,
      makeTransaction: {
        WriteTransaction($0, ids: ids, clocks: clocks, logsEvents: false)
      },
      onCommit: { _, pages in
        commits.advance()
        checkpointer.current?.committed(pages: pages)
      })
    writer.start(core, maximumBatch: configuration.maximumBatch, turns)
    clock.start()
  }

  /// Has the log copied back from now on; `scans` read this database too.
  func keepLogShort(_ scans: ScanPool, _ configuration: StoreConfiguration) {
    let report = configuration.onHousekeeping
    checkpointer.set(
      Checkpointer(engine, turns, scans, configuration.checkpoints) { report(.checkpoint, $0) })
  }

  /// How many rows did not decode since the start.
  public var damagedRows: Int { damage.count }

  /// Runs a bounded read on the calling thread: on an attached loop with the loop's reader and the turn's view, on a scan thread with
  /// the thread's, elsewhere with a pooled one. Sees everything that was committed before; within another read of this store, what
  /// that one sees. Fails within a write: a writer waits for no other database.
  public func read<R>(_ body: (TelemetryTransaction) throws -> R) throws -> R {
    do {
      if isClosed.load(ordering: .relaxed) { throw StoreError.closed }
      func run(_ transaction: ReadTransaction) throws -> R {
        try body(TelemetryTransaction(transaction, damage))
      }
      guard let entry = ThreadReaders.entry(of: ObjectIdentifier(self)) else {
        return try pool.read(of: ObjectIdentifier(self), run)
      }
      let reader = entry.reader
      var opened = false
      defer { if opened { entry.atEndOfTurn { reader.end() } } }
      return try reader.read(current: commits.current, opened: &opened, run)
    } catch {
      throw StoreError.translating(error)
    }
  }

  /// Changes rows outside a buffer: sweeps. Returns once it is on disk.
  public func write<R: Sendable>(
    _ body: @escaping @Sendable (TelemetryTransaction) throws -> R
  ) async throws -> R {
    let result = WriteResult<R>()
    let job = AwaitedWrite(isRehearsal: false) { [damage] in
      result.value = try body(TelemetryTransaction($0, damage))
    }
    try await withUnsafeThrowingContinuation {
      (continuation: UnsafeContinuation<Void, any Error>) in
      guard job.arm(continuation) else { return }
      do {
        try writer.enqueue(job)
      } catch {
        if job.start() { continuation.resume(throwing: error) }
      }
    }
    return try result.taken()
  }

  /// Gives the calling thread, an event loop, a reader of its own; see `Store.attachLoopReader`.
  func attachLoopReader(
    atEndOfTurn: @escaping (@escaping @Sendable () -> Void) -> Void
  ) throws(SQLError) {
    let reader = try Reader(engine)
    loopReaders.withLock { $0.append(reader) }
    ThreadReaders.attach(
      .init(store: ObjectIdentifier(self), reader: reader, atEndOfTurn: atEndOfTurn))
  }

  /// Gives the calling thread, which scans, a reader of its own; the caller closes it when the thread ends.
  func attachScanReader() throws(SQLError) -> Reader {
    let reader = try Reader(engine)
    ThreadReaders.attach(.init(store: ObjectIdentifier(self), reader: reader))
    return reader
  }

  /// Has `buffer` written at every flush interval, whenever somebody waits for it, and before closing.
  func register<Key, Value>(_ buffer: WriteBehind<Key, Value>) {
    buffer.start(damage) { [writer] job in
      do {
        try writer.enqueue(job)
      } catch {
        // An overloaded or closing writer: the job is told, and its values wait for the next flush.
        job.fail(error)
      }
    } note: { [clock] in
      clock.note($0)
    } wake: { [clock] in
      clock.wake()
    }
    clock.add(buffer)
  }

  /// Writes what the buffers hold now; returns when it is committed, or kept for the next flush because that failed.
  func flush() async {
    await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
      clock.flushAll { continuation.resume() }
    }
  }

  /// Writes what is buffered, ends the threads and closes every connection. Blocks; called once.
  func close() {
    clock.close()
    isClosed.store(true, ordering: .relaxed)
    writer.close()
    checkpointer.current?.close()
    pool.close()
    loopReaders.withLock { readers in
      for reader in readers { reader.close() }
      readers.removeAll()
    }
    ThreadReaders.detach(store: ObjectIdentifier(self))
  }
}

/// The checkpointer of a writer that began before the scans which it has to wait for.
private final class LateCheckpointer: Sendable {
  private let value = Mutex<Checkpointer?>(nil)

  var current: Checkpointer? { value.withLock { $0 } }
  func set(_ checkpointer: Checkpointer) { value.withLock { $0 = checkpointer } }
}

/// A view of the telemetry database for the length of a closure: what its repositories are made over.
public struct TelemetryTransaction {
  let connection: Connection
  let damage: TelemetryDamage

  init(_ transaction: ReadTransaction, _ damage: TelemetryDamage) {
    connection = transaction.connection
    self.damage = damage
  }
}

/// Stored values that do not decode: each is told of once, counted, and costs what it belongs to alone.
final class TelemetryDamage: Sendable {
  /// Beyond it nothing more is told of or counted: who is new cannot be told any more from who was met before.
  private static let limit = 1_000

  private let state = Mutex<(known: Set<String>, count: Int)>(([], 0))
  private let report: @Sendable (String) -> Void

  init(report: @escaping @Sendable (String) -> Void) { self.report = report }

  var count: Int { state.withLock { $0.count } }

  /// `what` names the row, for instance "device_activity of 0198…".
  func note(_ what: String, _ error: any Error) {
    let isNew = state.withLock { state in
      guard state.known.count < Self.limit, state.known.insert(what).inserted else { return false }
      state.count += 1
      return true
    }
    if isNew { report("\(what): \(error)") }
  }
}
