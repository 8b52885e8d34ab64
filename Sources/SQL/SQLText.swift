internal import Synchronization

/// The text of a statement that is composed once and used as long as the process lives: of a table's columns, for instance.
///
/// Connections find its compiled statement by its number, so no text is hashed. Keep it in a `static let`: every value made
/// occupies a place in every connection that runs it.
///
/// ```swift
/// static let byName = SQLText("SELECT id, name FROM models WHERE org = $1 AND name = $2")
/// let model = try db.first(byName, org, name) { row in Model(id: try row.next(), name: try row.next()) }
/// ```
public struct SQLText: Sendable {
  public let text: String
  @usableFromInline let number: Int

  private static let count = Atomic<Int>(0)

  /// `text` must be made of literals only; values travel as parameters.
  public init(_ text: String) {
    self.text = text
    number = Self.count.add(1, ordering: .relaxed).oldValue
  }
}

/// Reads the columns of a row from left to right, each as the type that the context asks for.
public struct RowReader {
  @usableFromInline let statement: any EngineStatement
  @usableFromInline var column = 0

  @inlinable init(_ statement: any EngineStatement) { self.statement = statement }

  /// The next column; `Optional` when it may be NULL.
  @inlinable
  public mutating func next<T: SQLValue>(_ type: T.Type = T.self) throws(SQLError) -> T {
    defer { column += 1 }
    return try T.read(from: statement, column: column)
  }

  /// The next column as an enumeration stored by its raw value; an unknown one is a `.mismatch`.
  @inlinable
  public mutating func raw<E: RawRepresentable>(_ type: E.Type = E.self) throws(SQLError) -> E
  where E.RawValue: SQLValue {
    defer { column += 1 }
    return try Row(statement).raw(column)
  }

  /// The whole row, read by position.
  public var row: Row { Row(statement) }
}

/// Binds the parameters of a statement from `$1` on, one after the other.
public struct ParameterWriter {
  @usableFromInline let statement: any EngineStatement
  @usableFromInline var position = 0

  @inlinable init(_ statement: any EngineStatement) { self.statement = statement }

  /// Binds the next parameter.
  @inlinable
  public mutating func add<T: SQLValue>(_ value: T) throws(SQLError) {
    position += 1
    try value.bind(to: statement, at: position)
  }
}

extension Connection {
  /// The first row, mapped; nil when there is none.
  @inlinable
  public func first<T, each P: SQLValue>(
    _ sql: SQLText, _ parameters: repeat each P, map: (inout RowReader) throws -> T
  ) throws -> T? {
    let entry = try checkout(sql)
    defer { checkin(entry) }
    try bind(entry.statement, repeat each parameters)
    guard try entry.statement.step() else { return nil }
    var row = RowReader(entry.statement)
    return try map(&row)
  }

  /// Every row, mapped, in the order of the query.
  @inlinable
  public func all<T, each P: SQLValue>(
    _ sql: SQLText, _ parameters: repeat each P, map: (inout RowReader) throws -> T
  ) throws -> [T] {
    var rows: [T] = []
    try each(sql, repeat each parameters) { row in
      rows.append(try map(&row))
      return true
    }
    return rows
  }

  /// Calls `body` with each row until it returns false.
  @inlinable
  public func each<each P: SQLValue>(
    _ sql: SQLText, _ parameters: repeat each P, body: (inout RowReader) throws -> Bool
  ) throws {
    let entry = try checkout(sql)
    defer { checkin(entry) }
    try bind(entry.statement, repeat each parameters)
    while try entry.statement.step() {
      var row = RowReader(entry.statement)
      guard try body(&row) else { return }
    }
  }

  /// Runs a statement whose parameters `bind` adds in order, and returns the number of rows it inserted, updated or deleted.
  @discardableResult
  public func execute(
    _ sql: SQLText, bind: (inout ParameterWriter) throws(SQLError) -> Void
  ) throws(SQLError) -> Int {
    let entry = try checkout(sql)
    defer { checkin(entry) }
    var writer = ParameterWriter(entry.statement)
    try bind(&writer)
    try check(writer.position, entry.statement)
    while try entry.statement.step() {}
    return engine.changes
  }

  /// As ``all(text:parameters:map:)``, row by row until `body` returns false.
  public func each(
    text: String, parameters: [any SQLValue], body: (inout RowReader) throws -> Bool
  ) throws {
    try withStatement(text: text, parameters) { statement in
      while try statement.step() {
        var row = RowReader(statement)
        guard try body(&row) else { return }
      }
    }
  }
}
