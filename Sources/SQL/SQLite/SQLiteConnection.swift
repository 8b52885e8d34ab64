internal import CSQLite

/// One connection to an SQLite file, opened without SQLite's own mutexes: it belongs to one thread
/// at a time, as every connection does.
final class SQLiteConnection: EngineConnection {
  private(set) var handle: OpaquePointer?
  private var statements: [Weak<SQLiteStatement>] = []
  private var question: Question?
  /// Written by SQLite after each commit.
  private let pages = UnsafeMutablePointer<Int>.allocate(capacity: 1)

  init(path: String, mode: ConnectionMode) throws(SQLError) {
    // Readers are opened for writing too, because a reader of a WAL writes its read mark into the
    // shared index; `query_only` is what keeps them from changing rows.
    var flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE
    if mode == .readWrite { flags |= SQLITE_OPEN_CREATE }
    var opened: OpaquePointer?
    let code = sqlite3_open_v2(path, &opened, flags, nil)
    guard code == SQLITE_OK, let opened else {
      let text = opened.map { String(cString: sqlite3_errmsg($0)) } ?? "out of memory"
      let isOutOfDescriptors = SQLError.isOutOfDescriptors(sqlite3_system_errno(opened))
      sqlite3_close_v2(opened)
      pages.deallocate()
      throw isOutOfDescriptors ? .noDescriptor : .cannotOpen(path: path, text)
    }
    handle = opened
    pages.initialize(to: 0)
  }

  deinit {
    close()
    pages.deallocate()
  }

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

  func ask(_ mayGoOn: (@Sendable () -> Bool)?) {
    guard let handle else { return }
    question = mayGoOn.map { Question(mayGoOn: $0) }
    guard let question else { return sqlite3_progress_handler(handle, 0, nil, nil) }
    sqlite3_progress_handler(
      handle, 1_000,
      { argument in
        guard let argument else { return 0 }
        return Unmanaged<Question>.fromOpaque(argument)._withUnsafeGuaranteedRef { $0.mayGoOn() }
          ? 0 : 1
      }, Unmanaged.passUnretained(question).toOpaque())
  }

  var logPages: Int { pages.pointee }

  /// Has `logPages` kept; replaces SQLite's own checkpoints, which a commit would have to wait for.
  func countLogPages() {
    sqlite3_wal_hook(
      handle,
      { argument, _, _, pages in
        argument?.assumingMemoryBound(to: Int.self).pointee = Int(pages)
        return SQLITE_OK
      }, pages)
  }

  func checkpoint(_ mode: CheckpointMode) throws(SQLError) -> Checkpoint? {
    guard let handle else { throw .invalidStatement("the connection is closed") }
    var (logged, copied) = (Int32(0), Int32(0))
    let code = sqlite3_wal_checkpoint_v2(
      handle, "main", mode == .passive ? SQLITE_CHECKPOINT_PASSIVE : SQLITE_CHECKPOINT_RESTART,
      &logged, &copied)
    guard code == SQLITE_OK || code & 0xff == SQLITE_BUSY else { throw SQLError(handle, code) }
    return Checkpoint(
      logPages: Int(max(0, logged)), copiedPages: Int(max(0, copied)),
      isComplete: code == SQLITE_OK && logged == copied)
  }

  func close() {
    guard let handle else { return }
    ask(nil)
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

/// Who is asked while statements run. A class, because C keeps its address.
private final class Question {
  let mayGoOn: @Sendable () -> Bool
  init(mayGoOn: @escaping @Sendable () -> Bool) { self.mayGoOn = mayGoOn }
}
