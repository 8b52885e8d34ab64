internal import CSQLite

/// An SQLite database file.
///
/// Every connection runs in WAL mode with `synchronous = FULL`: a committed transaction survives a
/// killed process and a power cut. No commit copies the log back into the file: somebody has to call
/// `checkpoint` on a connection of that mode. Foreign keys are enforced, the schema is not trusted with
/// functions, and temporary tables stay in memory.
public struct SQLiteEngine: Engine {
  public struct Options: Sendable {
    /// Page cache of a writing and of a reading connection, in KiB.
    public var writeCacheKiB = 64 * 1024
    public var readCacheKiB = 8 * 1024
    /// Bytes of the file that a reading connection maps instead of copying pages into its cache,
    /// which every commit of the writer empties. The writer never maps. The price: a disk that
    /// fails under a mapped page is a signal instead of an error; 0 turns mapping off.
    public var mappedBytes = 1 << 30
    /// How long a statement waits for a lock of another process before `.busy`. A commit may wait behind one that waits, so a caller
    /// waits twice as long.
    public var busyTimeoutMilliseconds: Int32 = 800
    /// How long a checkpoint that bars writers waits for readers.
    public var checkpointWaitMilliseconds: Int32 = 10
    /// Limit of the file's size in pages of 4 KiB; nil is none. Exceeding it is `.full`.
    public var maximumPages: Int?

    public init() {}
  }

  public let path: String
  public let options: Options

  public init(path: String, options: Options = Options()) {
    self.path = path
    self.options = options
  }

  public func connect(_ mode: ConnectionMode) throws(SQLError) -> any EngineConnection {
    try connection(mode)
  }

  func connection(_ mode: ConnectionMode) throws(SQLError) -> SQLiteConnection {
    _ = Self.libraryIsConfigured
    let connection = try SQLiteConnection(path: path, mode: mode)
    do {
      sqlite3_busy_timeout(
        connection.handle,
        mode == .checkpoint ? options.checkpointWaitMilliseconds : options.busyTimeoutMilliseconds)
      try connection.runScript(pragmas(mode))
      if mode == .readWrite { connection.countLogPages() }
    } catch {
      connection.close()
      throw error
    }
    return connection
  }

  private func pragmas(_ mode: ConnectionMode) -> String {
    let common = """
      PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY;
      """
    switch mode {
    case .readWrite:
      let limit = options.maximumPages.map { "PRAGMA max_page_count = \($0);" } ?? ""
      return """
        PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \(common)
        PRAGMA cache_size = -\(options.writeCacheKiB);
        PRAGMA wal_autocheckpoint = 0;
        PRAGMA journal_size_limit = 67108864; \(limit)
        """
    case .readOnly:
      return """
        PRAGMA query_only = ON; \(common) PRAGMA cache_size = -\(options.readCacheKiB);
        PRAGMA mmap_size = \(options.mappedBytes);
        """
    case .checkpoint:
      return "PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0;"
    }
  }

  /// Runs once, before the first connection of the process.
  private static let libraryIsConfigured: Bool = {
    csqlite_disable_memory_statistics() == SQLITE_OK
  }()
}
