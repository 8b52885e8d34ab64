/// A connection with its cache of compiled statements: what repositories write SQL on.
///
/// One thread at a time. SQL is portable: `$n` parameters, no engine-specific functions, and
/// `StaticString`, so that a value can only ever travel as a parameter. Statements are compiled once
/// per connection and found again by the address of their text.
///
/// Queries throw SQLError, or what their row closure throws: a closure literal only infers a typed
/// error when it spells it, and repositories map hundreds of rows.
public final class Connection {
  @usableFromInline let engine: any EngineConnection
  @exclusivity(unchecked) @usableFromInline var cache = StatementTable()
  /// By the number of their ``SQLText``.
  @exclusivity(unchecked) @usableFromInline var numbered: [CachedStatement?] = []
  private var textCache: [String: CachedStatement] = [:]
  private var scripts = 0

  /// Opens a connection of `engine`.
  public init(_ engine: any Engine, _ mode: ConnectionMode) throws(SQLError) {
    self.engine = try engine.connect(mode)
  }

  /// Takes over a connection that is open.
  init(_ open: any EngineConnection) { engine = open }

  deinit {
    close()
    cache.deallocate()
  }

  // MARK: Queries

  /// Runs a statement and returns the number of rows it inserted, updated or deleted.
  @discardableResult
  @inlinable
  public func execute<each P: SQLValue>(
    _ sql: StaticString, _ parameters: repeat each P
  ) throws(SQLError) -> Int {
    let entry = try checkout(sql)
    defer { checkin(entry) }
    try bind(entry.statement, repeat each parameters)
    while try entry.statement.step() {}
    return engine.changes
  }

  /// The first row, mapped; nil when there is none.
  @inlinable
  public func first<T, each P: SQLValue>(
    _ sql: StaticString, _ parameters: repeat each P, map: (Row) throws -> T
  ) throws -> T? {
    let entry = try checkout(sql)
    defer { checkin(entry) }
    try bind(entry.statement, repeat each parameters)
    return try entry.statement.step() ? try map(Row(entry.statement)) : nil
  }

  /// Every row, mapped, in the order of the query.
  @inlinable
  public func all<T, each P: SQLValue>(
    _ sql: StaticString, _ parameters: repeat each P, map: (Row) throws -> T
  ) throws -> [T] {
    let entry = try checkout(sql)
    defer { checkin(entry) }
    try bind(entry.statement, repeat each parameters)
    var rows: [T] = []
    while try entry.statement.step() { rows.append(try map(Row(entry.statement))) }
    return rows
  }

  /// Calls `body` with each row until it returns false.
  @inlinable
  public func each<each P: SQLValue>(
    _ sql: StaticString, _ parameters: repeat each P, body: (Row) throws -> Bool
  ) throws {
    let entry = try checkout(sql)
    defer { checkin(entry) }
    try bind(entry.statement, repeat each parameters)
    while try entry.statement.step() {
      guard try body(Row(entry.statement)) else { return }
    }
  }

  /// Every row of a text composed at run time, for lists whose filters vary. The text must be made
  /// of literals only; values go into `parameters`.
  public func all<T>(
    text: String, parameters: [any SQLValue], map: (Row) throws -> T
  ) throws -> [T] {
    var rows: [T] = []
    try withStatement(text: text, parameters) { statement in
      while try statement.step() { rows.append(try map(Row(statement))) }
    }
    return rows
  }

  func withStatement(
    text: String, _ parameters: [any SQLValue], _ body: (any EngineStatement) throws -> Void
  ) throws {
    let entry = try checkout(text: text)
    defer { checkin(entry) }
    try check(parameters.count, entry.statement)
    for (index, value) in parameters.enumerated() {
      try value.bind(to: entry.statement, at: index + 1)
    }
    try body(entry.statement)
  }

  /// Runs several statements without parameters: migrations and pragmas.
  public func runScript(_ sql: String) throws(SQLError) {
    scripts += 1
    try engine.runScript(sql)
  }

  // MARK: State

  /// False as soon as the engine rolled the transaction back by itself.
  public var isInTransaction: Bool { engine.isInTransaction }

  /// Grows with every row that a statement changes, and with every script: equal before and after
  /// means that nothing was changed in between.
  public var changeCount: Int { engine.totalChanges + scripts }

  /// Has `mayGoOn` asked while statements run; see ``EngineConnection/ask(_:)``.
  public func ask(_ mayGoOn: (@Sendable () -> Bool)?) { engine.ask(mayGoOn) }

  /// Pages of the engine's log after this connection's last commit.
  public var logPages: Int { engine.logPages }

  /// Copies the engine's log back into its file; see ``EngineConnection/checkpoint(_:)``.
  public func checkpoint(_ mode: CheckpointMode) throws(SQLError) -> Checkpoint? {
    try engine.checkpoint(mode)
  }

  /// Statements compiled and kept; for tests and metrics.
  public var cachedStatements: Int {
    cache.count + numbered.count { $0 != nil } + textCache.count
  }

  /// Finalises all statements and closes. Idempotent.
  public func close() {
    cache.removeAll()
    numbered.removeAll()
    textCache.removeAll()
    engine.close()
  }

  // MARK: Statement cache

  /// Takes the compiled statement out of the cache. A statement that is already running (a query
  /// inside the row closure of the same query) gets a second, temporary compilation.
  @inlinable
  func checkout(_ sql: StaticString) throws(SQLError) -> CachedStatement {
    if let entry = cache.find(sql), !entry.isRunning {
      entry.isRunning = true
      return entry
    }
    return try compile(sql)
  }

  @usableFromInline
  func compile(_ sql: StaticString) throws(SQLError) -> CachedStatement {
    let entry = CachedStatement(try engine.prepare(sql.description))
    if cache.find(sql) == nil { cache.insert(sql, entry) }
    return entry
  }

  @inlinable
  func checkout(_ sql: SQLText) throws(SQLError) -> CachedStatement {
    if sql.number < numbered.count, let entry = numbered[sql.number], !entry.isRunning {
      entry.isRunning = true
      return entry
    }
    return try compile(sql)
  }

  @usableFromInline
  func compile(_ sql: SQLText) throws(SQLError) -> CachedStatement {
    let entry = CachedStatement(try engine.prepare(sql.text))
    if sql.number >= numbered.count {
      numbered += Array(repeating: nil, count: sql.number + 1 - numbered.count)
    }
    if numbered[sql.number] == nil { numbered[sql.number] = entry }
    return entry
  }

  private func checkout(text: String) throws(SQLError) -> CachedStatement {
    if let entry = textCache[text], !entry.isRunning {
      entry.isRunning = true
      return entry
    }
    let entry = CachedStatement(try engine.prepare(text))
    // A list composes a text for each set of filters and each number of values in them, which callers choose: the bound keeps
    // them from filling the memory.
    if textCache.count >= 256 { textCache.removeAll() }
    if textCache[text] == nil { textCache[text] = entry }
    return entry
  }

  @inlinable
  func checkin(_ entry: CachedStatement) {
    entry.statement.reset()
    entry.isRunning = false
  }

  @inlinable
  func bind<each P: SQLValue>(
    _ statement: any EngineStatement, _ parameters: repeat each P
  ) throws(SQLError) {
    var position = 0
    for parameter in repeat each parameters {
      position += 1
      try parameter.bind(to: statement, at: position)
    }
    try check(position, statement)
  }

  @inlinable
  func check(_ given: Int, _ statement: any EngineStatement) throws(SQLError) {
    if given != statement.parameterCount {
      throw .invalidStatement(
        "the statement has \(statement.parameterCount) parameters, \(given) were given")
    }
  }
}

@usableFromInline
final class CachedStatement {
  @usableFromInline let statement: any EngineStatement
  @exclusivity(unchecked) @usableFromInline var isRunning = true

  init(_ statement: any EngineStatement) { self.statement = statement }
}
