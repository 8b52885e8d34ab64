internal import SQL

/// A read-only connection with at most one open read transaction.
///
/// `@unchecked Sendable`: readers are handed from thread to thread by pools, and used by one at a
/// time.
final class Reader: @unchecked Sendable {
  private let connection: Connection
  private let transaction: ReadTransaction
  private var isOpen = false
  /// The commit sequence read before the open transaction began: its view is at least that new.
  private var sequence: UInt64 = 0
  private var depth = 0

  init(_ engine: any Engine) throws(SQLError) {
    connection = try Connection(engine, .readOnly)
    transaction = ReadTransaction(connection)
  }

  /// Runs `body` in a read transaction that sees every commit up to `current` and stays open.
  /// Returns true in `opened` when this call began it. A read within a read shares its view.
  func read<R>(
    current: UInt64, opened: inout Bool, _ body: (ReadTransaction) throws -> R
  ) throws -> R {
    if depth == 0 {
      if isOpen, sequence != current { end() }
      if !isOpen {
        // A deferred transaction takes its view at the first query, so after `current` was loaded.
        try connection.execute("BEGIN")
        isOpen = true
        opened = true
        sequence = current
      }
    }
    depth += 1
    defer { depth -= 1 }
    return try body(transaction)
  }

  /// Runs `body` in a read transaction of its own.
  func readOnce<R>(_ body: (ReadTransaction) throws -> R) throws -> R {
    var opened = false
    defer { end() }
    return try read(current: 0, opened: &opened, body)
  }

  /// As above; `mayGoOn` is asked now and then while statements run, and false ends the running one with `.interrupted`.
  func readOnce<R>(
    asking mayGoOn: @escaping @Sendable () -> Bool, _ body: (ReadTransaction) throws -> R
  ) throws -> R {
    try asking(mayGoOn) { try readOnce(body) }
  }

  /// Has `mayGoOn` asked while statements run during `body`.
  func asking<R>(
    _ mayGoOn: @escaping @Sendable () -> Bool, _ body: () throws -> R
  ) throws -> R {
    connection.ask(mayGoOn)
    defer { connection.ask(nil) }
    return try body()
  }

  /// Ends the open read transaction: the loop's turn is over.
  func end() {
    guard isOpen, depth == 0 else { return }
    isOpen = false
    do {
      try connection.execute("COMMIT")
    } catch {
      // A read transaction has nothing to lose; what matters is that it is not left open.
      if connection.isInTransaction { try? connection.runScript("ROLLBACK") }
    }
  }

  func close() { connection.close() }
}
