import SQL
import Synchronization

/// An engine whose writing connection fails at a chosen call: the k-th `prepare` or `step` from
/// arming on.
struct FaultEngine: Engine {
  let inner: any Engine
  let plan: FaultPlan

  func connect(_ mode: ConnectionMode) throws(SQLError) -> any EngineConnection {
    let connection = try inner.connect(mode)
    return mode == .readWrite ? FaultConnection(connection, plan) : connection
  }
}

final class FaultPlan: Sendable {
  private struct State {
    var rest: Int?
    var error = SQLError.full
    var losesTransaction = false
    var hasFired = false
  }
  private let state = Mutex(State())

  /// The `k`-th call from now on fails with `error`, once. `losesTransaction`: the engine has rolled
  /// the transaction back by itself then, as SQLite does after some errors.
  func arm(_ k: Int, _ error: SQLError, losesTransaction: Bool) {
    state.withLock {
      $0 = State(rest: k, error: error, losesTransaction: losesTransaction)
    }
  }

  /// Whether the fault happened; disarms it.
  func disarm() -> Bool {
    state.withLock { state in
      defer { state = State() }
      return state.hasFired
    }
  }

  func call(_ connection: any EngineConnection) throws(SQLError) {
    let fault: (error: SQLError, loses: Bool)? = state.withLock { state in
      guard let rest = state.rest else { return nil }
      state.rest = rest > 1 ? rest - 1 : nil
      if rest > 1 { return nil }
      state.hasFired = true
      return (state.error, state.losesTransaction)
    }
    guard let fault else { return }
    if fault.loses, connection.isInTransaction { try connection.runScript("ROLLBACK") }
    throw fault.error
  }
}

final class FaultConnection: EngineConnection {
  private let inner: any EngineConnection
  private let plan: FaultPlan

  init(_ inner: any EngineConnection, _ plan: FaultPlan) {
    self.inner = inner
    self.plan = plan
  }

  func prepare(_ sql: String) throws(SQLError) -> any EngineStatement {
    try plan.call(inner)
    return FaultStatement(try inner.prepare(sql), inner, plan)
  }
  func runScript(_ sql: String) throws(SQLError) { try inner.runScript(sql) }
  var isInTransaction: Bool { inner.isInTransaction }
  var changes: Int { inner.changes }
  var totalChanges: Int { inner.totalChanges }
  func ask(_ mayGoOn: (@Sendable () -> Bool)?) { inner.ask(mayGoOn) }
  var logPages: Int { inner.logPages }
  func checkpoint(_ mode: CheckpointMode) throws(SQLError) -> Checkpoint? {
    try inner.checkpoint(mode)
  }
  func close() { inner.close() }
}

final class FaultStatement: EngineStatement {
  private let inner: any EngineStatement
  private let connection: any EngineConnection
  private let plan: FaultPlan

  init(_ inner: any EngineStatement, _ connection: any EngineConnection, _ plan: FaultPlan) {
    self.inner = inner
    self.connection = connection
    self.plan = plan
  }

  var parameterCount: Int { inner.parameterCount }
  func bindNull(at position: Int) throws(SQLError) { try inner.bindNull(at: position) }
  func bind(_ value: Int64, at position: Int) throws(SQLError) {
    try inner.bind(value, at: position)
  }
  func bind(_ value: Double, at position: Int) throws(SQLError) {
    try inner.bind(value, at: position)
  }
  func bind(_ value: String, at position: Int) throws(SQLError) {
    try inner.bind(value, at: position)
  }
  func bind(_ value: [UInt8], at position: Int) throws(SQLError) {
    try inner.bind(value, at: position)
  }
  func step() throws(SQLError) -> Bool {
    try plan.call(connection)
    return try inner.step()
  }
  func reset() { inner.reset() }
  var columnCount: Int { inner.columnCount }
  func columnName(_ column: Int) -> String { inner.columnName(column) }
  func isNull(_ column: Int) -> Bool { inner.isNull(column) }
  func int64(_ column: Int) throws(SQLError) -> Int64 { try inner.int64(column) }
  func double(_ column: Int) throws(SQLError) -> Double { try inner.double(column) }
  func string(_ column: Int) throws(SQLError) -> String { try inner.string(column) }
  func bytes(_ column: Int) throws(SQLError) -> [UInt8] { try inner.bytes(column) }
  func withBytes<R>(
    _ column: Int, _ body: (UnsafeRawBufferPointer) -> R
  ) throws(SQLError) -> R { try inner.withBytes(column, body) }
}
