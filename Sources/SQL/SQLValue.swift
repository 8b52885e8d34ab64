/// A Swift type that can be a statement's parameter and a row's column.
///
/// The storage types are those every engine has: 64-bit integer, double, UTF-8 text, bytes, null.
/// Times are stored as Int64 milliseconds since 1970 with the unit in the column's name.
public protocol SQLValue {
  func bind(to statement: any EngineStatement, at position: Int) throws(SQLError)
  static func read(from statement: any EngineStatement, column: Int) throws(SQLError) -> Self
}

extension Int64: SQLValue {
  @inlinable public func bind(
    to statement: any EngineStatement, at position: Int
  ) throws(SQLError) { try statement.bind(self, at: position) }
  @inlinable public static func read(
    from statement: any EngineStatement, column: Int
  ) throws(SQLError) -> Int64 { try statement.int64(column) }
}

extension Int: SQLValue {
  @inlinable public func bind(
    to statement: any EngineStatement, at position: Int
  ) throws(SQLError) { try statement.bind(Int64(self), at: position) }
  @inlinable public static func read(
    from statement: any EngineStatement, column: Int
  ) throws(SQLError) -> Int { Int(try statement.int64(column)) }
}

extension Int32: SQLValue {
  @inlinable public func bind(
    to statement: any EngineStatement, at position: Int
  ) throws(SQLError) { try statement.bind(Int64(self), at: position) }
  public static func read(
    from statement: any EngineStatement, column: Int
  ) throws(SQLError) -> Int32 {
    let wide = try statement.int64(column)
    guard let value = Int32(exactly: wide) else {
      throw .mismatch(
        column: statement.columnName(column), expected: "a 32-bit integer", found: "\(wide)")
    }
    return value
  }
}

extension Bool: SQLValue {
  @inlinable public func bind(
    to statement: any EngineStatement, at position: Int
  ) throws(SQLError) { try statement.bind(self ? 1 : 0 as Int64, at: position) }
  @inlinable public static func read(
    from statement: any EngineStatement, column: Int
  ) throws(SQLError) -> Bool { try statement.int64(column) != 0 }
}

extension Double: SQLValue {
  @inlinable public func bind(
    to statement: any EngineStatement, at position: Int
  ) throws(SQLError) { try statement.bind(self, at: position) }
  @inlinable public static func read(
    from statement: any EngineStatement, column: Int
  ) throws(SQLError) -> Double { try statement.double(column) }
}

extension String: SQLValue {
  @inlinable public func bind(
    to statement: any EngineStatement, at position: Int
  ) throws(SQLError) { try statement.bind(self, at: position) }
  @inlinable public static func read(
    from statement: any EngineStatement, column: Int
  ) throws(SQLError) -> String { try statement.string(column) }
}

/// Bytes are the one array that is a column.
extension [UInt8]: SQLValue {
  @inlinable public func bind(
    to statement: any EngineStatement, at position: Int
  ) throws(SQLError) { try statement.bind(self, at: position) }
  @inlinable public static func read(
    from statement: any EngineStatement, column: Int
  ) throws(SQLError) -> [UInt8] { try statement.bytes(column) }
}

extension Optional: SQLValue where Wrapped: SQLValue {
  @inlinable public func bind(
    to statement: any EngineStatement, at position: Int
  ) throws(SQLError) {
    switch self {
    case .some(let value): try value.bind(to: statement, at: position)
    case .none: try statement.bindNull(at: position)
    }
  }
  @inlinable public static func read(
    from statement: any EngineStatement, column: Int
  ) throws(SQLError) -> Wrapped? {
    statement.isNull(column) ? nil : try Wrapped.read(from: statement, column: column)
  }
}
