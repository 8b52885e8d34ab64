internal import CSQLite
internal import Glibc

/// One view of an SQLite file that other processes read and write meanwhile, and copies of it.
///
/// The view is that of the moment it was taken: what is committed later is neither read nor copied. As long as it is held, the file's log
/// cannot be begun anew and grows with what is written; nobody has to wait for it.
public final class SQLiteSnapshot {
  /// For queries of the view.
  public let connection: Connection
  private let source: SQLiteConnection

  /// Opens the file, which must be there, and takes a view of it. Waits up to `wait` milliseconds for a lock.
  public init(path: String, waitMilliseconds wait: Int32 = 5_000) throws(SQLError) {
    var options = SQLiteEngine.Options()
    options.busyTimeoutMilliseconds = wait
    // A file that fails under a mapped page would be the end of the process instead of an error.
    options.mappedBytes = 0
    source = try SQLiteEngine(path: path, options: options).connection(.readOnly)
    connection = Connection(source)
    do {
      try source.runScript("BEGIN; SELECT count(*) FROM sqlite_schema")
    } catch {
      connection.close()
      throw error
    }
  }

  deinit { connection.close() }

  /// Copies the view into a new file, `pages` at a time; `onStep` is told how many of how many pages are copied, and ends the copying by
  /// throwing.
  ///
  /// The copy is one file without a log. It is not on disk before somebody syncs it.
  public func copy(
    to path: String, pages: Int = 1_024,
    onStep: (_ copied: Int, _ total: Int) throws -> Void = { _, _ in }
  ) throws {
    var flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
    flags |= SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE
    var opened: OpaquePointer?
    let code = sqlite3_open_v2(path, &opened, flags, nil)
    defer { sqlite3_close_v2(opened) }
    guard code == SQLITE_OK else { throw SQLError(opened, code) }
    // Nothing of it is worth anything before it is complete.
    try Self.run("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF", opened)
    guard let backup = sqlite3_backup_init(opened, "main", source.handle, "main") else {
      throw SQLError(opened, sqlite3_extended_errcode(opened))
    }
    var step = SQLITE_OK
    do {
      while step == SQLITE_OK {
        step = sqlite3_backup_step(backup, Int32(clamping: pages))
        let total = Int(sqlite3_backup_pagecount(backup))
        try onStep(total - Int(sqlite3_backup_remaining(backup)), total)
      }
    } catch {
      sqlite3_backup_finish(backup)
      throw error
    }
    let end = sqlite3_backup_finish(backup)
    if step != SQLITE_DONE { throw SQLError(extendedCode: step, text: "copy to \(path)") }
    if end != SQLITE_OK { throw SQLError(opened, end) }
    sqlite3_close_v2(opened)
    opened = nil
    // The copied file says that it has a log; it gets none.
    let reopened = sqlite3_open_v2(path, &opened, flags, nil)
    guard reopened == SQLITE_OK else { throw SQLError(opened, reopened) }
    try Self.run("PRAGMA synchronous = OFF; PRAGMA journal_mode = DELETE", opened)
  }

  /// Ends the view. Idempotent.
  public func close() { connection.close() }

  private static func run(_ script: String, _ handle: OpaquePointer?) throws(SQLError) {
    let code = sqlite3_exec(handle, script, nil, nil, nil)
    if code != SQLITE_OK { throw SQLError(handle, code) }
  }
}
