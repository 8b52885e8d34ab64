/// A database engine: a file or a server that connections can be opened to.
///
/// This and the two protocols below are everything an engine has to provide. `Connection` builds
/// the statement cache, typed binding and row mapping on them, so another engine (PostgreSQL
/// through libpq) or a wrapper around one (fault injection in tests) is three small types.
public protocol Engine: Sendable {
  /// Opens a connection; each one is used by one thread at a time.
  func connect(_ mode: ConnectionMode) throws(SQLError) -> any EngineConnection
}

public enum ConnectionMode: Sendable, Hashable {
  /// May write and create the database.
  case readWrite
  /// Refuses every write with `.readOnly`.
  case readOnly
  /// Copies the engine's log back into the file and does nothing else.
  case checkpoint
}

/// One connection of an engine. Not Sendable: it belongs to one thread at a time.
public protocol EngineConnection: AnyObject {
  /// Compiles one statement. Parameters are written `$1`, `$2`, … and may repeat.
  func prepare(_ sql: String) throws(SQLError) -> any EngineStatement
  /// Runs a text of several statements without parameters or results: migrations.
  func runScript(_ sql: String) throws(SQLError)
  /// False as soon as the engine has rolled the transaction back by itself, which SQLite does after
  /// some full-disk, memory and input/output errors.
  var isInTransaction: Bool { get }
  /// Rows changed by the last INSERT, UPDATE or DELETE.
  var changes: Int { get }
  /// Rows changed since the connection was opened, by statements that succeeded. One that fails
  /// changes nothing.
  var totalChanges: Int { get }
  /// Has `mayGoOn` asked now and then while statements run, from now on; nil asks nobody. Once it answers false, the running
  /// statement fails with `.interrupted`, and so does every later one that takes its time.
  func ask(_ mayGoOn: (@Sendable () -> Bool)?)
  /// Pages that the engine's log held after this connection's last commit; 0 where an engine has none.
  var logPages: Int { get }
  /// Copies the log back into the file; nil where an engine looks after its log itself.
  func checkpoint(_ mode: CheckpointMode) throws(SQLError) -> Checkpoint?
  /// Finalises every statement and closes. Idempotent.
  func close()
}

/// How far a checkpoint goes.
public enum CheckpointMode: Sendable, Hashable {
  /// Copies what no reader stands in the way of; disturbs neither readers nor the writer.
  case passive
  /// Bars writers, waits a little for readers, copies everything, and has the next commit begin the log anew.
  case restart
}

/// What became of a checkpoint.
public struct Checkpoint: Sendable, Hashable {
  /// Pages in the log.
  public let logPages: Int
  /// Pages of them that are in the file.
  public let copiedPages: Int
  /// False when a reader or writer stood in the way.
  public let isComplete: Bool

  public init(logPages: Int, copiedPages: Int, isComplete: Bool) {
    self.logPages = logPages
    self.copiedPages = copiedPages
    self.isComplete = isComplete
  }
}

/// One compiled statement. Parameter positions start at 1, columns at 0.
public protocol EngineStatement: AnyObject {
  /// The highest `$n` in the text.
  var parameterCount: Int { get }
  func bindNull(at position: Int) throws(SQLError)
  func bind(_ value: Int64, at position: Int) throws(SQLError)
  func bind(_ value: Double, at position: Int) throws(SQLError)
  func bind(_ value: String, at position: Int) throws(SQLError)
  func bind(_ value: [UInt8], at position: Int) throws(SQLError)
  /// Advances to the next row; false when there is none.
  func step() throws(SQLError) -> Bool
  /// Ends the execution, so that the statement can be bound and run again.
  func reset()

  var columnCount: Int { get }
  func columnName(_ column: Int) -> String
  func isNull(_ column: Int) -> Bool
  func int64(_ column: Int) throws(SQLError) -> Int64
  func double(_ column: Int) throws(SQLError) -> Double
  func string(_ column: Int) throws(SQLError) -> String
  func bytes(_ column: Int) throws(SQLError) -> [UInt8]
  /// Lends the bytes of a text or blob column until the next step, without copying them.
  func withBytes<R>(_ column: Int, _ body: (UnsafeRawBufferPointer) -> R) throws(SQLError) -> R
}
