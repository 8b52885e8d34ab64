internal import CSQLite

/// A compiled SQLite statement.
final class SQLiteStatement: EngineStatement {
  private var handle: OpaquePointer?
  /// Keeps the connection open as long as a statement of it is used.
  private let connection: SQLiteConnection
  let parameterCount: Int
  let columnCount: Int
  /// SQLite numbers `$3` by first appearance, not by its digits; nil when both agree.
  private let positions: [Int32]?
  /// Where the texts and bytes of the current execution lie: SQLite reads them there, and allocates nothing for them.
  private var kept: UnsafeMutableRawPointer?
  private var keptCount = 0
  /// What is longer than the rest of this is copied by SQLite.
  private static let keptCapacity = 1024

  init(_ handle: OpaquePointer, of connection: SQLiteConnection) throws(SQLError) {
    self.handle = handle
    self.connection = connection
    columnCount = Int(sqlite3_column_count(handle))
    let count = Int(sqlite3_bind_parameter_count(handle))
    var positions = [Int32](repeating: 0, count: count)
    var isIdentity = true
    for index in 0..<count {
      let name = sqlite3_bind_parameter_name(handle, Int32(index + 1)).map { String(cString: $0) }
      guard let name, name.utf8.first == UInt8(ascii: "$"), let number = Int(name.dropFirst()),
        number >= 1, number <= count
      else {
        sqlite3_finalize(handle)
        self.handle = nil
        throw .invalidStatement(
          "parameters must be $1 to $\(count) without gaps, found \(name ?? "?")")
      }
      positions[number - 1] = Int32(index + 1)
      if number != index + 1 { isIdentity = false }
    }
    parameterCount = count
    self.positions = isIdentity ? nil : positions
  }

  deinit { finalize() }

  func finalize() {
    sqlite3_finalize(handle)
    handle = nil
    kept?.deallocate()
    kept = nil
  }

  // MARK: Binding

  /// A copy is made by SQLite, because the value may be gone before the statement has run.
  private static let copied = unsafeBitCast(-1, to: sqlite3_destructor_type.self)

  /// A copy of a value that stays where it is until the statement is reset; nil when there is no place for it.
  @inline(__always)
  private func keep(_ value: UnsafeRawBufferPointer) -> UnsafeMutableRawPointer? {
    guard value.count <= Self.keptCapacity - keptCount, handle != nil else { return nil }
    let start = kept ?? .allocate(byteCount: Self.keptCapacity + 1, alignment: 8)
    kept = start
    let place = start + keptCount
    if let base = value.baseAddress, value.count > 0 {
      place.copyMemory(from: base, byteCount: value.count)
    }
    keptCount += value.count
    return place
  }

  @inline(__always)
  private func index(_ position: Int) throws(SQLError) -> Int32 {
    guard position <= parameterCount, position >= 1 else {
      throw .invalidStatement(
        "the statement has \(parameterCount) parameters, $\(position) was given")
    }
    return positions.map { $0[position - 1] } ?? Int32(position)
  }

  @inline(__always)
  private func check(_ code: Int32) throws(SQLError) {
    if code != SQLITE_OK { throw SQLError(connection.handle, code) }
  }

  func bindNull(at position: Int) throws(SQLError) {
    try check(sqlite3_bind_null(handle, try index(position)))
  }

  func bind(_ value: Int64, at position: Int) throws(SQLError) {
    try check(sqlite3_bind_int64(handle, try index(position), value))
  }

  func bind(_ value: Double, at position: Int) throws(SQLError) {
    try check(sqlite3_bind_double(handle, try index(position), value))
  }

  func bind(_ value: String, at position: Int) throws(SQLError) {
    let index = try index(position)
    let code = value.utf8.withContiguousStorageIfAvailable { bind($0, at: index) }
    if let code { return try check(code) }
    var native = value
    try check(native.withUTF8 { bind($0, at: index) })
  }

  private func bind(_ text: UnsafeBufferPointer<UInt8>, at index: Int32) -> Int32 {
    if let kept = keep(UnsafeRawBufferPointer(text)) {
      return sqlite3_bind_text64(
        handle, index, kept.assumingMemoryBound(to: CChar.self), UInt64(text.count), nil,
        UInt8(SQLITE_UTF8))
    }
    // An empty text may have no address, which SQLite would take for NULL.
    guard let base = text.baseAddress else {
      return sqlite3_bind_text(handle, index, "", 0, Self.copied)
    }
    return base.withMemoryRebound(to: CChar.self, capacity: text.count) {
      sqlite3_bind_text64(handle, index, $0, UInt64(text.count), Self.copied, UInt8(SQLITE_UTF8))
    }
  }

  func bind(_ value: [UInt8], at position: Int) throws(SQLError) {
    let index = try index(position)
    let code = value.withUnsafeBytes { bytes in
      if let kept = keep(bytes) {
        return sqlite3_bind_blob64(handle, index, kept, UInt64(bytes.count), nil)
      }
      guard let base = bytes.baseAddress, bytes.count > 0 else {
        return sqlite3_bind_zeroblob(handle, index, 0)
      }
      return sqlite3_bind_blob64(handle, index, base, UInt64(bytes.count), Self.copied)
    }
    try check(code)
  }

  // MARK: Running

  func step() throws(SQLError) -> Bool {
    switch sqlite3_step(handle) {
    case SQLITE_ROW: return true
    case SQLITE_DONE: return false
    case let code:
      if handle == nil { throw .invalidStatement("the connection is closed") }
      throw SQLError(connection.handle, code)
    }
  }

  func reset() {
    sqlite3_reset(handle)
    keptCount = 0
  }

  // MARK: Columns

  func columnName(_ column: Int) -> String {
    sqlite3_column_name(handle, Int32(column)).map { String(cString: $0) } ?? "\(column)"
  }

  func isNull(_ column: Int) -> Bool { sqlite3_column_type(handle, Int32(column)) == SQLITE_NULL }

  func int64(_ column: Int) throws(SQLError) -> Int64 {
    try expect(SQLITE_INTEGER, "an integer", column)
    return sqlite3_column_int64(handle, Int32(column))
  }

  func double(_ column: Int) throws(SQLError) -> Double {
    // SUM and friends yield an integer when all their inputs are.
    if sqlite3_column_type(handle, Int32(column)) != SQLITE_INTEGER {
      try expect(SQLITE_FLOAT, "a number", column)
    }
    return sqlite3_column_double(handle, Int32(column))
  }

  func string(_ column: Int) throws(SQLError) -> String {
    try expect(SQLITE_TEXT, "text", column)
    return String(decoding: raw(column), as: UTF8.self)
  }

  func bytes(_ column: Int) throws(SQLError) -> [UInt8] {
    try expect(SQLITE_BLOB, "bytes", column)
    return [UInt8](raw(column))
  }

  func withBytes<R>(_ column: Int, _ body: (UnsafeRawBufferPointer) -> R) throws(SQLError) -> R {
    if sqlite3_column_type(handle, Int32(column)) != SQLITE_TEXT {
      try expect(SQLITE_BLOB, "text or bytes", column)
    }
    return body(raw(column))
  }

  /// `sqlite3_column_blob` on a text column gives its UTF-8 without conversion.
  private func raw(_ column: Int) -> UnsafeRawBufferPointer {
    let start = sqlite3_column_blob(handle, Int32(column))
    return UnsafeRawBufferPointer(
      start: start, count: Int(sqlite3_column_bytes(handle, Int32(column))))
  }

  @inline(__always)
  private func expect(_ type: Int32, _ expected: String, _ column: Int) throws(SQLError) {
    let found = sqlite3_column_type(handle, Int32(column))
    if found != type {
      throw .mismatch(
        column: columnName(column), expected: expected, found: Self.typeName(found))
    }
  }

  private static func typeName(_ type: Int32) -> String {
    switch type {
    case SQLITE_INTEGER: "an integer"
    case SQLITE_FLOAT: "a real number"
    case SQLITE_TEXT: "text"
    case SQLITE_BLOB: "bytes"
    default: "NULL"
    }
  }
}
