internal import SQL

/// The one thread that changes the database: group commit.
///
/// Whatever waits is run in one transaction, in the order of ``WriteQueue``, and committed once; then all are resumed. A closure that
/// throws is undone alone: nearly all do so before they have changed anything, and nothing has to be
/// undone. After one that throws half-way the transaction is rolled back and those before it run
/// again, with a SAVEPOINT around each closure from then on, for a while. When the commit fails, or
/// the engine rolls the transaction back by itself (SQLite does so after some full-disk and I/O
/// errors), every closure of the batch fails with the cause, and the head revision and chain heads
/// are read again before the next closure runs.
///
/// Order of a commit: durable on disk → `onCommit` (the commit sequence that readers compare, then
/// the watchers' queue) → waiters resume. So whoever was acknowledged finds their write in any read.
final class Writer: Sendable {
  private let queue = Monitor(WriteQueue())
  private let limit: Int
  private let thread: Monitor<WorkerThread?> = Monitor(nil)

  init(limit: Int) { self.limit = limit }

  /// Starts the thread. `core` is used by it alone from here on.
  func start(_ core: WriterCore, maximumBatch: Int, _ turns: WriteTurns) {
    let queue = self.queue
    let started = WorkerThread(name: "store-writer") {
      ThreadReaders.attachWriter()
      while true {
        let first: ArraySlice<any WriteJob>?? = queue.wait { state in
          if state.count == 0 { return state.isClosed ? .some(nil) : nil }
          guard state.isDue || state.isClosed else { return nil }
          return state.begin(maximum: maximumBatch)
        }
        guard let first = first ?? nil else { break }
        turns.write {
          core.carryOut(first) { isLate in queue.withLock { $0.more(isLate: isLate) } }
        }
        queue.withLock { $0.end() }
      }
      core.close()
    }
    thread.withLock { $0 = started }
  }

  /// Queues a closure of an org, "" for the store's own. Throws `.overloaded`, `.overdrawn` or `.closed` without queueing. With `isDue`
  /// false it may wait until somebody calls ``wake()``.
  func enqueue(
    _ job: any WriteJob, of org: String = "", isDue: Bool = true
  ) throws(StoreError) {
    let mustWake = try queue.withLock { state throws(StoreError) in
      if state.isClosed { throw .closed }
      try state.add(job, of: org, limit: limit)
      return isDue && state.becomeDue()
    }
    if mustWake { queue.signal() }  // the first of a batch wakes the thread
  }

  /// Has the thread take what waits: the turn of a loop has ended.
  func wake() {
    let mustWake = queue.withLock { $0.count > 0 && $0.becomeDue() }
    if mustWake { queue.signal() }
  }

  /// Closures that wait.
  var waiting: Int { queue.withLock { $0.count } }

  /// Refuses new closures, carries out those that wait, closes the connection. Blocks.
  func close() {
    queue.withLock { $0.isClosed = true }
    queue.broadcast()
    thread.withLock { $0 }?.join()
  }
}

/// What the writer thread works with: connection, transaction state, and the steps of a batch.
///
/// `@unchecked Sendable` because it is made on the opening thread and handed to the writer thread,
/// which alone uses it afterwards.
final class WriterCore: @unchecked Sendable {
  private let engine: any Engine
  private let makeTransaction: (Connection) -> WriteTransaction
  private let clock: @Sendable () -> Int64
  private let onCommit: ([LoggedEvent], _ logPages: Int) -> Void
  private let soaks: SoakWatch?
  private var connection: Connection?
  private var transaction: WriteTransaction?
  /// So many transactions more put a SAVEPOINT around each closure.
  private var guardedTransactions = 0
  /// Who makes closures fail half-way costs others a savepoint, and rarely the work done twice.
  private static let guardedTransactionsAfterUndoing = 64

  init(
    engine: any Engine, connection: Connection, clock: @escaping @Sendable () -> Int64,
    soaks: SoakWatch? = nil, makeTransaction: @escaping (Connection) -> WriteTransaction,
    onCommit: @escaping ([LoggedEvent], _ logPages: Int) -> Void
  ) {
    self.soaks = soaks
    self.engine = engine
    self.connection = connection
    self.clock = clock
    self.makeTransaction = makeTransaction
    self.onCommit = onCommit
  }

  /// Carries a batch out, in as many transactions as failures make necessary: `first`, and what `more` gives until it gives nothing.
  func carryOut(
    _ first: ArraySlice<any WriteJob>, more: @escaping (_ isLate: Bool) -> ArraySlice<any WriteJob>
  ) {
    var batch = Batch(first, more: more)
    if let first = soaks?.due() { batch.repeat([first]) }
    while !batch.isEmpty {
      do {
        let transaction = try ready()
        commit(&batch, transaction)
      } catch {
        batch.fail(error)
      }
    }
  }

  func close() {
    transaction = nil
    connection?.close()
    connection = nil
  }

  /// Runs `batch` in one transaction and commits. What is left in it runs in the next: the closures
  /// behind one that ended the transaction, and those that its end undid though they had succeeded.
  private func commit(_ batch: inout Batch, _ transaction: WriteTransaction) {
    let db = transaction.connection
    do {
      try db.execute("BEGIN IMMEDIATE")
    } catch {
      batch.fail(error)
      return recover(from: error)
    }
    var done: [any WriteJob] = []
    while let job = batch.next() {
      switch run(job, transaction, db) {
      case .done: done.append(job)
      case .undone(let error): job.fail(error)
      case .entangled(let error):
        job.fail(error)
        recover(from: error)
        guardedTransactions = Self.guardedTransactionsAfterUndoing
        return batch.repeat(done)
      case .lost(let error):
        job.fail(error)
        for job in done { job.fail(error) }
        return recover(from: error)
      }
    }
    do {
      try db.execute("COMMIT")
    } catch {
      for job in done { job.fail(error) }
      return recover(from: error)
    }
    if guardedTransactions > 0 { guardedTransactions -= 1 }
    onCommit(transaction.takeCommitted(), db.logPages)
    for job in done { job.succeed() }
  }

  /// What became of a closure, and of the transaction it ran in.
  private enum Outcome {
    case done
    /// It failed and changed nothing, or what it changed is undone.
    case undone(any Error)
    /// It failed half-way, and only the end of the transaction undoes it.
    case entangled(any Error)
    /// The engine has no transaction any more, or cannot return to the savepoint.
    case lost(any Error)
  }

  private func run(_ job: any WriteJob, _ transaction: WriteTransaction, _ db: Connection)
    -> Outcome
  {
    let isGuarded = job.isRehearsal || guardedTransactions > 0
    do {
      if isGuarded { try db.execute("SAVEPOINT job") }
    } catch {
      return .lost(error)
    }
    let before = db.changeCount
    transaction.begin(nowMilliseconds: clock())
    do {
      try job.run(transaction)
      guard isGuarded else { return .done }
      if job.isRehearsal {
        try db.execute("ROLLBACK TO job")
        transaction.rollBack()
      }
      try db.execute("RELEASE job")
      return .done
    } catch {
      guard db.isInTransaction else { return .lost(error) }
      if isGuarded {
        do {
          try db.execute("ROLLBACK TO job")
          try db.execute("RELEASE job")
        } catch _ {
          return .lost(error)
        }
      } else if db.changeCount != before {
        return .entangled(error)
      }
      transaction.rollBack()
      return .undone(error)
    }
  }

  /// After a failed transaction: rolls back what is left of it and forgets what it taught. After an
  /// I/O error the connection is replaced too, because its page cache may no longer be the file's.
  private func recover(from error: any Error) {
    var mustReconnect = false
    if case .io = error as? SQLError { mustReconnect = true }
    if case .corrupt = error as? SQLError { mustReconnect = true }
    if let connection, connection.isInTransaction {
      do { try connection.execute("ROLLBACK") } catch { mustReconnect = true }
    }
    if mustReconnect {
      connection?.close()
      connection = nil
    }
    transaction = nil
  }

  /// The transaction state, read at the start and again after a batch was lost.
  private func ready() throws -> WriteTransaction {
    if let transaction { return transaction }
    do {
      let connection = try self.connection ?? Connection(engine, .readWrite)
      self.connection = connection
      let fresh = makeTransaction(connection)
      try fresh.reload()
      transaction = fresh
      return fresh
    } catch {
      throw StoreError.translating(error)
    }
  }
}

/// The closures that a transaction is to carry out.
private struct Batch {
  /// They have run, in a transaction that was rolled back because of another closure.
  private var again: ArraySlice<any WriteJob> = []
  private var waiting: ArraySlice<any WriteJob>
  private let more: (_ isLate: Bool) -> ArraySlice<any WriteJob>
  private let end = StoreClock.monotonicMilliseconds() + WriteQueue.patience

  init(
    _ first: ArraySlice<any WriteJob>, more: @escaping (_ isLate: Bool) -> ArraySlice<any WriteJob>
  ) {
    waiting = first
    self.more = more
  }

  /// Whether nothing is left of what was taken.
  var isEmpty: Bool { again.isEmpty && waiting.isEmpty }

  /// The next closure, started; those that were cancelled are passed over.
  mutating func next() -> (any WriteJob)? {
    if let job = again.popFirst() { return job }
    while true {
      while let job = waiting.popFirst() { if job.start() { return job } }
      waiting = more(StoreClock.monotonicMilliseconds() >= end)
      if waiting.isEmpty { return nil }
    }
  }

  /// `jobs`, which are started, run before the rest.
  mutating func `repeat`(_ jobs: [any WriteJob]) { again = jobs + again }

  /// Everything fails.
  mutating func fail(_ error: any Error) { while let job = next() { job.fail(error) } }
}
