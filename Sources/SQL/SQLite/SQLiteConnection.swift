internal import CSQLite
internal import Synchronization

/// One connection to an SQLite file, opened without SQLite's own mutexes: it belongs to one thread
/// at a time, as every connection does.
final class SQLiteConnection: EngineConnection {
  private(set) var handle: OpaquePointer?
  private var statements: [Weak<SQLiteStatement>] = []
  private let stop: SQLiteInterrupter

  init(path: String, mode: ConnectionMode) throws(SQLError) {
    // Readers are opened for writing too, because a reader of a WAL writes its read mark into the
    // shared index; `query_only` is what keeps them from changing rows.
    var flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE
    if mode == .readWrite { flags |= SQLITE_OPEN_CREATE }
    var opened: OpaquePointer?
    let code = sqlite3_open_v2(path, &opened, flags, nil)
    guard code == SQLITE_OK, let opened else {
      let text = opened.map { String(cString: sqlite3_errmsg($0)) } ?? "out of memory"
      sqlite3_close_v2(opened)
      throw .cannotOpen(path: path, text)
    }
    handle = opened
    stop = SQLiteInterrupter(opened)
  }

  deinit { close() }

  func prepare(_ sql: String) throws(SQLError) -> any EngineStatement {
    guard let handle else { throw .invalidStatement("the connection is closed") }
    var compiled: OpaquePointer?
    var rest: Int?
    var sql = sql
    let code = sql.withUTF8 { text in
      text.withMemoryRebound(to: CChar.self) { characters in
        var tail: UnsafePointer<CChar>?
        let code = sqlite3_prepare_v3(
          handle, characters.baseAddress, Int32(characters.count),
          UInt32(SQLITE_PREPARE_PERSISTENT), &compiled, &tail)
        if let tail, let start = characters.baseAddress { rest = tail - start }
        return code
      }
    }
    if code != SQLITE_OK { throw SQLError(handle, code) }
    guard let compiled else { throw .invalidStatement("the statement is empty") }
    let trailing = sql.utf8.dropFirst(rest ?? sql.utf8.count)
    if !trailing.allSatisfy({ $0 == 0x20 || $0 == 0x0a || $0 == 0x0d || $0 == 0x09 || $0 == 0x3b })
    {
      sqlite3_finalize(compiled)
      throw .invalidStatement("more than one statement: \(String(trailing) ?? "")")
    }
    let statement = try SQLiteStatement(compiled, of: self)
    statements.append(Weak(statement))
    if statements.count > 1_000 { statements.removeAll { $0.value == nil } }
    return statement
  }

  func runScript(_ sql: String) throws(SQLError) {
    guard let handle else { throw .invalidStatement("the connection is closed") }
    let code = sqlite3_exec(handle, sql, nil, nil, nil)
    if code != SQLITE_OK { throw SQLError(handle, code) }
  }

  var isInTransaction: Bool { handle.map { sqlite3_get_autocommit($0) == 0 } ?? false }

  var changes: Int { handle.map { Int(sqlite3_changes64($0)) } ?? 0 }

  var totalChanges: Int { handle.map { Int(sqlite3_total_changes64($0)) } ?? 0 }

  var interrupter: any Interrupter { stop }

  func close() {
    guard let handle else { return }
    stop.disarm()
    for statement in statements { statement.value?.finalize() }
    statements.removeAll()
    sqlite3_close_v2(handle)
    self.handle = nil
  }
}

private struct Weak<Object: AnyObject> {
  weak var value: Object?
  init(_ value: Object) { self.value = value }
}

/// Stops a connection's statement from any thread. The lock keeps the handle from being closed
/// while it is interrupted.
final class SQLiteInterrupter: Interrupter {
  /// `sqlite3_interrupt` is the one call SQLite allows from another thread, hence the wrapper.
  private struct Handle: @unchecked Sendable {
    var pointer: OpaquePointer?
  }
  private let handle: Mutex<Handle>

  init(_ handle: OpaquePointer) { self.handle = Mutex(Handle(pointer: handle)) }

  func interrupt() {
    handle.withLock { if let pointer = $0.pointer { sqlite3_interrupt(pointer) } }
  }

  func disarm() { handle.withLock { $0.pointer = nil } }
}
