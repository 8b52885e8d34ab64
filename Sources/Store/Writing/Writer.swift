internal import SQL

/// The one thread that changes the database: group commit.
///
/// Whatever waits is run in one transaction, a SAVEPOINT around each closure, and committed once;
/// then all are resumed. A closure that throws is rolled back alone. When the commit fails, or the
/// engine rolls the transaction back by itself (SQLite does so after some full-disk and I/O errors),
/// every closure of the batch fails with the cause, and the head revision and chain heads are read
/// again before the next closure runs.
///
/// Order of a commit: durable on disk → `onCommit` (the commit sequence that readers compare, then
/// the watchers' queue) → waiters resume. So whoever was acknowledged finds their write in any read.
final class Writer: Sendable {
  struct Queue {
    var waiting: [any WriteJob] = []
    var isClosed = false
  }
  private let queue = Monitor(Queue())
  private let limit: Int
  private let thread: Monitor<WorkerThread?> = Monitor(nil)

  init(limit: Int) { self.limit = limit }

  /// Starts the thread. `core` is used by it alone from here on.
  func start(_ core: WriterCore, maximumBatch: Int) {
    let queue = self.queue
    let started = WorkerThread(name: "store-writer") {
      while true {
        let batch: ArraySlice<any WriteJob>? =
          queue.wait { state in
            if state.waiting.isEmpty { return state.isClosed ? .some(nil) : nil }
            if state.waiting.count <= maximumBatch {
              var all: [any WriteJob] = []
              all.reserveCapacity(state.waiting.count)
              swap(&all, &state.waiting)
              return all[...]
            }
            let taken = Array(state.waiting.prefix(maximumBatch))
            state.waiting.removeFirst(maximumBatch)
            return taken[...]
          } ?? nil
        guard let batch else { break }
        core.carryOut(batch)
      }
      core.close()
    }
    thread.withLock { $0 = started }
  }

  /// Queues a closure; throws `.overloaded` or `.closed` without queueing.
  func enqueue(_ job: any WriteJob) throws(StoreError) {
    let refusal: StoreError?? = queue.withLock { state in
      if state.isClosed { return .some(.closed) }
      if state.waiting.count >= limit {
        return .some(.overloaded(waiting: state.waiting.count, limit: limit))
      }
      state.waiting.append(job)
      return state.waiting.count == 1 ? .some(nil) : nil
    }
    switch refusal {
    case .some(.some(let error)): throw error
    case .some(.none): queue.signal()  // the first of a batch wakes the thread
    case .none: break
    }
  }

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
  private let onCommit: ([LoggedEvent]) -> Void
  private var connection: Connection?
  private var transaction: WriteTransaction?

  init(
    engine: any Engine, connection: Connection, clock: @escaping @Sendable () -> Int64,
    makeTransaction: @escaping (Connection) -> WriteTransaction,
    onCommit: @escaping ([LoggedEvent]) -> Void
  ) {
    self.engine = engine
    self.connection = connection
    self.clock = clock
    self.makeTransaction = makeTransaction
    self.onCommit = onCommit
  }

  /// Carries a batch out, in as many transactions as engine failures make necessary.
  func carryOut(_ jobs: ArraySlice<any WriteJob>) {
    var rest = jobs
    while !rest.isEmpty {
      do {
        let transaction = try ready()
        rest = commit(rest, transaction)
      } catch {
        for job in rest where job.start() { job.fail(error) }
        return
      }
    }
  }

  func close() {
    transaction = nil
    connection?.close()
    connection = nil
  }

  /// Runs `jobs` in one transaction and commits. Returns those that were not started because the
  /// engine lost the transaction on the way.
  private func commit(
    _ jobs: ArraySlice<any WriteJob>, _ transaction: WriteTransaction
  ) -> ArraySlice<any WriteJob> {
    let db = transaction.connection
    var done: [any WriteJob] = []
    done.reserveCapacity(jobs.count)
    var index = jobs.startIndex
    do {
      try db.execute("BEGIN IMMEDIATE")
    } catch {
      for job in jobs where job.start() { job.fail(error) }
      recover(from: error)
      return []
    }
    while index < jobs.endIndex {
      let job = jobs[index]
      index += 1
      guard job.start() else { continue }
      do {
        try inSavepoint(job, transaction, db)
        done.append(job)
      } catch {
        job.fail(error.cause)
        if error.isBatchLost {
          for job in done { job.fail(error.cause) }
          recover(from: error.cause)
          return jobs[index...]
        }
      }
    }
    do {
      try db.execute("COMMIT")
    } catch {
      for job in done { job.fail(error) }
      recover(from: error)
      return []
    }
    onCommit(transaction.takeCommitted())
    for job in done { job.succeed() }
    return []
  }

  private struct JobFailure: Error {
    let cause: any Error
    /// The engine has no transaction any more, or cannot return to the savepoint.
    let isBatchLost: Bool
  }

  private func inSavepoint(
    _ job: any WriteJob, _ transaction: WriteTransaction, _ db: Connection
  ) throws(JobFailure) {
    do {
      try db.execute("SAVEPOINT job")
    } catch {
      throw JobFailure(cause: error, isBatchLost: true)
    }
    transaction.begin(nowMilliseconds: clock())
    do {
      try job.run(transaction)
      try db.execute("RELEASE job")
    } catch {
      do {
        if !db.isInTransaction { throw JobFailure(cause: error, isBatchLost: true) }
        try db.execute("ROLLBACK TO job")
        try db.execute("RELEASE job")
      } catch {
        throw JobFailure(cause: (error as? JobFailure)?.cause ?? error, isBatchLost: true)
      }
      transaction.rollBack()
      throw JobFailure(cause: error, isBatchLost: false)
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
