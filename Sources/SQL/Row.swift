/// The current row of a running query: valid until the closure that received it returns.
///
/// ```swift
/// try db.first("SELECT name, size, note FROM models WHERE id = $1", id) { row in
///   Model(name: try row[0], size: try row[1], note: try row[2])   // types are inferred
/// }
/// ```
public struct Row {
  @usableFromInline let statement: any EngineStatement

  @inlinable init(_ statement: any EngineStatement) { self.statement = statement }

  /// The column as the type the context asks for; `Optional` when it may be NULL.
  @inlinable
  public subscript<T: SQLValue>(_ column: Int) -> T {
    get throws(SQLError) { try T.read(from: statement, column: column) }
  }

  /// The column as an explicitly named type.
  @inlinable
  public func get<T: SQLValue>(_ column: Int, as type: T.Type = T.self) throws(SQLError) -> T {
    try T.read(from: statement, column: column)
  }

  /// The column as an enumeration stored by its raw value; an unknown one is a `.mismatch`.
  @inlinable
  public func raw<E: RawRepresentable>(
    _ column: Int, as type: E.Type = E.self
  ) throws(SQLError) -> E where E.RawValue: SQLValue {
    let value = try E.RawValue.read(from: statement, column: column)
    guard let known = E(rawValue: value) else {
      throw .mismatch(column: name(column), expected: "\(E.self)", found: "\(value)")
    }
    return known
  }

  @inlinable public func isNull(_ column: Int) -> Bool { statement.isNull(column) }

  public var columnCount: Int { statement.columnCount }
  public func name(_ column: Int) -> String { statement.columnName(column) }

  /// Lends the bytes of a text or blob column without copying them.
  public func withBytes<R>(
    _ column: Int, _ body: (UnsafeRawBufferPointer) -> R
  ) throws(SQLError) -> R {
    try statement.withBytes(column, body)
  }
}
