internal import Glibc
internal import SQL
internal import Synchronization

/// The database of one server: a folder with an SQLite file that this process alone has open.
///
/// - `read`: bounded, indexed reads, synchronous, on the caller's thread.
/// - `scan`: reads without a bound, on their own threads.
/// - `write`: the only way to change rows; acknowledged after the commit is durable.
///
/// Every acknowledged write is visible to every read that starts afterwards, on any thread.
public final class Store: Sendable {
  /// The data folder.
  public let path: String
  /// Makes ids outside a write; within one use `WriteTransaction.makeID`.
  public let ids: IDGenerator
  /// Makes and checks page tokens.
  public let pageTokens: PageTokens
  /// Live events.
  public let watch: WatchHub
  /// What devices report.
  public let telemetry: TelemetryStore
  let configuration: StoreConfiguration

  private let folder: DataFolder
  private let lock: FolderLock
  private let engine: any Engine
  private let writer: Writer
  private let pool: ReaderPool
  private let watchReader: Reader
  private let scans: ScanPool
  private let checkpointer: Checkpointer
  private let clocks: StoreClocks
  private let soaks: SoakWatch
  private let commits: CommitSequence
  private let housekeeping: Housekeeping
  /// Whether this opening made the database.
  public var isNew: Bool { folder.isNew }
  private let loopReaders = Mutex<[Reader]>([])
  private let isClosed = Atomic<Bool>(false)

  /// Opens the data folder, creating it with mode 0700 when missing, and migrates the schema.
  ///
  /// Fails with `.folderInUse` when another server has it open, `.newerDatabase` when a newer
  /// binary wrote it, `.databaseMissing` when there is what belongs to a database and none, or one of the two. An opening
  /// that fails leaves nothing behind. Blocking; call it before serving.
  public static func open(
    _ path: String, _ configuration: StoreConfiguration = StoreConfiguration()
  ) throws(StoreError) -> Store {
    try open(path, configuration, migrations: Migrations.all) { $0 }
  }

  /// The steps of the schema, "15 RevokedDevices", that opening a folder's database would apply, and that no earlier program opens it
  /// after. Changes nothing.
  public static func missingMigrations(_ path: String) throws(StoreError) -> [String] {
    do {
      let connection = try Connection(SQLiteEngine(path: path + "/rollcall.db"), .readOnly)
      defer { connection.close() }
      return try Migrations.missing(in: connection)
    } catch let error as SQLError {
      throw StoreError(error)
    } catch {
      throw .failure("\(error)")
    }
  }

  /// As above with another schema and an engine around the real one, for tests of failures.
  static func open(
    _ path: String, _ configuration: StoreConfiguration, migrations: [Migration],
    wrap: (any Engine) -> any Engine
  ) throws(StoreError) -> Store {
    let lock = try FolderLock(folder: path)
    do throws(StoreError) {
      let folder = try DataFolder(path)
      do throws(StoreError) {
        return try open(folder, configuration, lock, migrations, wrap)
      } catch {
        folder.removeDatabase()
        throw error
      }
    } catch {
      lock.releaseAndRemove()
      throw error
    }
  }

  private static func open(
    _ folder: DataFolder, _ configuration: StoreConfiguration, _ lock: FolderLock,
    _ migrations: [Migration], _ wrap: (any Engine) -> any Engine
  ) throws(StoreError) -> Store {
    var options = SQLiteEngine.Options()
    options.maximumPages = configuration.maximumPages
    let engine = wrap(SQLiteEngine(path: folder.database, options: options))
    do {
      let connection = try Connection(engine, .readWrite)
      do {
        let ids = IDGenerator(clock: configuration.clock)
        try folder.prepareTelemetry(
          of: connection, mayBeNew: configuration.mayHaveNewTelemetry)
        let clocks = StoreClocks(configuration)
        let telemetry = try TelemetryStore(
          folder: folder, configuration, ids: ids, clocks: clocks, takingOver: connection,
          migrations, wrap: wrap)
        do {
          return try Store(folder, configuration, lock, engine, connection, ids, clocks, telemetry)
        } catch {
          telemetry.close()
          throw error
        }
      } catch {
        connection.close()
        throw error
      }
    } catch let error as SQLError {
      throw StoreError(error)
    } catch let error as StoreError {
      throw error
    } catch {
      throw .failure("\(error)")
    }
  }

  private init(
    _ folder: DataFolder, _ configuration: StoreConfiguration, _ lock: FolderLock,
    _ engine: any Engine, _ connection: Connection, _ ids: IDGenerator, _ clocks: StoreClocks,
    _ telemetry: TelemetryStore
  ) throws {
    path = folder.path
    self.folder = folder
    self.configuration = configuration
    self.lock = lock
    self.engine = engine
    self.ids = ids
    self.clocks = clocks
    self.telemetry = telemetry
    let commits = CommitSequence()
    self.commits = commits
    writer = Writer(limit: configuration.maximumWaitingWrites)
    pool = ReaderPool(engine, limit: configuration.pooledReaders)
    pageTokens = PageTokens(
      key: try Settings.bytes("page_token_key", in: connection, orElse: Settings.randomKey))
    if try Migrations.hasTable("rollouts", connection) {
      try Self.catchUp(connection, clocks, configuration)
      ids.goOn(after: try IDGenerator.newest(in: connection))
    }
    let head = try EventLog(connection: connection).head()
    let watchReader = try Reader(engine)
    self.watchReader = watchReader
    var watchOptions = WatchHub.Options()
    watchOptions.bookmarkIntervalMilliseconds = configuration.bookmarkIntervalMilliseconds
    let watch = WatchHub(
      log: StoredWatchLog(reader: watchReader), head: head, options: watchOptions)
    self.watch = watch
    housekeeping = Housekeeping(writer, clocks) { [report = configuration.onHousekeeping] failure in
      report(.flushAndSweep, failure)
    }
    scans = ScanPool(engine, telemetry, configuration.scans)
    let turns = WriteTurns()
    let checkpointer = Checkpointer(engine, turns, scans, configuration.checkpoints) {
      [report = configuration.onHousekeeping] failure in report(.checkpoint, failure)
    }
    self.checkpointer = checkpointer
    telemetry.keepLogShort(scans, configuration)
    let soaks = SoakWatch(configuration)
    self.soaks = soaks
    let core = WriterCore(
      engine: engine, connection: connection, clock: configuration.clock, soaks: soaks,
      makeTransaction: { WriteTransaction($0, ids: ids, clocks: clocks) },
      onCommit: { events, pages in
        commits.advance()
        watch.publish(events)
        checkpointer.committed(pages: pages)
      })
    writer.start(core, maximumBatch: configuration.maximumBatch, turns)
    housekeeping.start(configuration)
  }

  /// Has the soaks of rollouts begin where the last server left them: nobody looked while none ran, and what the clock says of that
  /// time may be wrong. The time of now is remembered with it, so that it happens once.
  private static func catchUp(
    _ connection: Connection, _ clocks: StoreClocks, _ configuration: StoreConfiguration
  ) throws {
    let absence = try clocks.recall(connection)
    try connection.runScript("BEGIN IMMEDIATE")
    do {
      if absence != 0 {
        try Rollouts(ReadTransaction(connection)).moveSoaks(
          by: absence, now: configuration.clock())
      }
      try clocks.save(connection)
      try connection.runScript("COMMIT")
    } catch {
      if connection.isInTransaction { try connection.runScript("ROLLBACK") }
      throw error
    }
  }

  deinit { close() }

  /// Carries out what waits, closes every connection and releases the folder. Blocks until the
  /// writer is done. Loops that were attached must have stopped reading. Idempotent.
  public func close() { close { lock.release() } }

  /// As ``close()``, for a start that failed: a database that this opening made is removed, with `files` beside it, and the folder if
  /// nothing else is left in it.
  public func abandon(_ files: [String]) {
    close {
      if folder.isNew {
        for name in files { remove(path + "/" + name) }
        folder.removeDatabase()
      }
      lock.releaseAndRemove()
    }
  }

  private func close(_ release: () -> Void) {
    guard !isClosed.exchange(true, ordering: .acquiringAndReleasing) else { return }
    housekeeping.close()
    telemetry.close()
    writer.close()
    watch.close()
    watchReader.close()
    scans.close()
    checkpointer.close()
    pool.close()
    loopReaders.withLock { readers in
      for reader in readers { reader.close() }
      readers.removeAll()
    }
    ThreadReaders.detach(store: ObjectIdentifier(self))
    release()
  }

  /// Ends every watch with `.closed`, and those that begin later at once: the first step of an orderly shutdown, so that
  /// nobody waits for streams that have no end. Reads and writes go on. Blocks shortly; idempotent.
  public func endWatches() { watch.close() }

  // MARK: Reading

  /// Gives the calling thread, an event loop, a reader of its own. `atEndOfTurn` schedules a
  /// closure on this thread after the loop's current batch of work: all reads of a turn share one
  /// read transaction, which costs half of one each.
  public func attachLoopReader(
    atEndOfTurn: @escaping (@escaping @Sendable () -> Void) -> Void
  ) throws(StoreError) {
    let reader: Reader
    do {
      reader = try Reader(engine)
      try telemetry.attachLoopReader(atEndOfTurn: atEndOfTurn)
    } catch {
      throw StoreError(error)
    }
    loopReaders.withLock { $0.append(reader) }
    ThreadReaders.attach(
      .init(store: ObjectIdentifier(self), reader: reader, atEndOfTurn: atEndOfTurn))
  }

  /// Runs a bounded read on the calling thread and returns its result.
  ///
  /// The closure sees one consistent state that includes every write acknowledged so far. It must
  /// not wait for anything, and nothing of the transaction may leave it. On an attached loop: the
  /// loop's reader and the turn's transaction; elsewhere a pooled reader. Within another read it
  /// shares that one's view; within a write it fails.
  public func read<R>(_ body: (ReadTransaction) throws -> R) throws -> R {
    do {
      if isClosed.load(ordering: .relaxed) { throw StoreError.closed }
      guard let entry = ThreadReaders.entry(of: ObjectIdentifier(self)) else {
        return try pool.read(of: ObjectIdentifier(self), body)
      }
      let reader = entry.reader
      var opened = false
      defer { if opened { entry.atEndOfTurn { reader.end() } } }
      return try reader.read(current: commits.current, opened: &opened, body)
    } catch {
      throw StoreError.translating(error)
    }
  }

  /// Grows with every commit. What a ``read(_:)`` found that began after this was asked is the newest for as long as it stands.
  public var commitCount: UInt64 { commits.current }

  /// Runs an unbounded read on the analysis threads, in `caller`'s share of them.
  ///
  /// The closure may run twice, the first time not to its end: what it does must not be seen outside. Cancelling the Task stops it in
  /// the middle of a statement. Throws `.overdrawn` when the caller's principal or org has too many scans waiting and running,
  /// `.scanTooLong` when it took all the time a scan may take.
  public func scan<R: Sendable>(
    for caller: ScanCaller, _ body: @escaping @Sendable (ReadTransaction) throws -> R
  ) async throws -> R {
    let job = AwaitedScan(body)
    return try await withTaskCancellationHandler {
      try await withUnsafeThrowingContinuation {
        (continuation: UnsafeContinuation<R, any Error>) in
        guard job.arm(continuation) else {
          return continuation.resume(throwing: CancellationError())
        }
        job.enqueue(in: scans, caller)
      }
    } onCancel: {
      job.cancel(in: scans)
    }
  }

  // MARK: Writing

  /// Looks whether the wall clock was set. Then the ends of soaks move with it before this returns; whoever compares them with the time
  /// asks first. Costs a look at both clocks.
  public func settleClock() async throws {
    if soaks.isDue { try await write { _ in } }
  }

  /// The time, in milliseconds since 1970, by which keys expire: the machine's. When that is set back, what had expired stays expired.
  public var expiryMilliseconds: Int64 { clocks.expiry }

  /// Writes that wait for the writer; for tests and metrics.
  var waitingWrites: Int { writer.waiting }

  /// Runs `body` on the writer thread, in a transaction shared with whatever else waits, and
  /// returns its result once the commit is on disk.
  ///
  /// A closure that throws is rolled back alone and its error rethrown. `.storageFull` and
  /// `.failure` mean nothing of it was committed, except that after an I/O error during the commit
  /// itself the outcome is unknown (a request id makes the retry safe). A Task cancelled before the
  /// closure started gets CancellationError and the closure never runs. The closure must be pure
  /// apart from the transaction: no waiting, no calls into the store. It may run a second time, with
  /// nothing left of the first, when another closure failed half-way through its changes.
  ///
  /// Orgs take turns: `org` is whose change it is, "" for the server's own. `.overdrawn`: too many of that org wait already.
  @inlinable
  public nonisolated(nonsending) func write<R: Sendable>(
    for org: String = "", _ body: @escaping @Sendable (WriteTransaction) throws -> R
  ) async throws -> R {
    let result = WriteResult<R>()
    try await carryOut(isRehearsal: false, of: org) { result.value = try body($0) }
    return try result.taken()
  }

  /// Runs `body` as ``write(for:_:)`` does and returns its result, but keeps nothing of what it changed.
  @inlinable
  public nonisolated(nonsending) func rehearse<R: Sendable>(
    for org: String = "", _ body: @escaping @Sendable (WriteTransaction) throws -> R
  ) async throws -> R {
    let result = WriteResult<R>()
    try await carryOut(isRehearsal: true, of: org) { result.value = try body($0) }
    return try result.taken()
  }

  @usableFromInline
  nonisolated(nonsending) func carryOut(
    isRehearsal: Bool, of org: String,
    _ body: @escaping @Sendable (WriteTransaction) throws -> Void
  ) async throws {
    let job = AwaitedWrite(isRehearsal: isRehearsal, body)
    try await withTaskCancellationHandler {
      try await withUnsafeThrowingContinuation {
        (continuation: UnsafeContinuation<Void, any Error>) in
        guard job.arm(continuation) else {
          return continuation.resume(throwing: CancellationError())
        }
        do {
          try enqueue(job, of: org)
        } catch {
          // A cancellation may have answered already; only the one who takes the job answers.
          if job.start() { continuation.resume(throwing: error) }
        }
      }
    } onCancel: {
      job.cancel()
    }
  }
}

extension Store {
  /// Queues a job. What a loop queues in a turn is taken after the turn, so that it shares a commit: a thread that is woken for the
  /// first of a turn's mutations commits that one alone, and a commit costs as much as ten mutations.
  private func enqueue(_ job: any WriteJob, of org: String) throws(StoreError) {
    guard let entry = ThreadReaders.entry(of: ObjectIdentifier(self)) else {
      return try writer.enqueue(job, of: org)
    }
    try writer.enqueue(job, of: org, isDue: false)
    guard !entry.hasWritten else { return }
    entry.hasWritten = true
    entry.atEndOfTurn { [writer] in
      entry.hasWritten = false
      writer.wake()
    }
  }

  // MARK: Buffered values and housekeeping

  /// Writes what is buffered now and returns when it is committed, or kept for the next interval because it failed.
  public func flush() async { await telemetry.flush() }

  /// Returns once the log was looked at that the last commit left, and copied back or begun anew if it was long enough.
  func settleLog() async {
    await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
      checkpointer.whenSettled { continuation.resume() }
    }
  }

  /// Removes what has expired now, as the clock does at every interval, and returns when nothing of it is left.
  func sweep() async {
    await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
      housekeeping.sweep(configuration) { continuation.resume() }
    }
  }
}

/// Counts commits. A reader compares it with the count its open transaction was begun at.
final class CommitSequence: Sendable {
  private let value = Atomic<UInt64>(1)

  var current: UInt64 { value.load(ordering: .acquiring) }
  func advance() { value.add(1, ordering: .acquiringAndReleasing) }
}
