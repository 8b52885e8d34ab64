public import Domain
public import SQL

// How values of the domain are columns.

extension ID: SQLValue {
  public func bind(to statement: any EngineStatement, at position: Int) throws(SQLError) {
    try rawValue.bind(to: statement, at: position)
  }
  public static func read(from statement: any EngineStatement, column: Int) throws(SQLError) -> ID {
    ID(try String.read(from: statement, column: column))
  }
}

/// Milliseconds since 1970.
extension Timestamp: SQLValue {
  public func bind(to statement: any EngineStatement, at position: Int) throws(SQLError) {
    try milliseconds.bind(to: statement, at: position)
  }
  public static func read(from statement: any EngineStatement, column: Int) throws(SQLError)
    -> Timestamp
  {
    Timestamp(milliseconds: try Int64.read(from: statement, column: column))
  }
}

/// Their ``Labels/storedText``.
extension Labels: SQLValue {
  public func bind(to statement: any EngineStatement, at position: Int) throws(SQLError) {
    try storedText.bind(to: statement, at: position)
  }
  public static func read(from statement: any EngineStatement, column: Int) throws(SQLError)
    -> Labels
  {
    Labels(storedText: try String.read(from: statement, column: column))
  }
}

/// Its hexadecimal digits.
extension ContentDigest: SQLValue {
  public func bind(to statement: any EngineStatement, at position: Int) throws(SQLError) {
    try hex.bind(to: statement, at: position)
  }
  public static func read(
    from statement: any EngineStatement, column: Int
  ) throws(SQLError) -> ContentDigest {
    ContentDigest(unchecked: try String.read(from: statement, column: column))
  }
}

extension Row {
  /// An id, stored as its text.
  func id<Owner>(_ column: Int, of owner: ID<Owner>.Type = ID<Owner>.self) throws(SQLError)
    -> ID<Owner>
  {
    try get(column)
  }

  /// An id that may be NULL.
  func idOrNil<Owner>(_ column: Int, of owner: ID<Owner>.Type = ID<Owner>.self) throws(SQLError)
    -> ID<Owner>?
  {
    try get(column)
  }

  /// A moment, stored in milliseconds.
  func time(_ column: Int) throws(SQLError) -> Timestamp { try get(column) }

  /// A moment that may be NULL, stored in milliseconds.
  func timeOrNil(_ column: Int) throws(SQLError) -> Timestamp? { try get(column) }
}

extension Labels {
  /// `key=value` a line, by key. Unambiguous: a key holds no `=`, neither holds a line feed.
  var storedText: String {
    if values.isEmpty { return "" }
    return values.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: "\n")
  }

  /// The labels that ``storedText`` describes.
  init(storedText text: String) {
    if text.isEmpty {
      self = .empty
      return
    }
    var values: [String: String] = [:]
    for line in text.utf8.split(separator: UInt8(ascii: "\n")) {
      let end = line.firstIndex(of: UInt8(ascii: "=")) ?? line.endIndex
      values[String(decoding: line[..<end], as: UTF8.self)] = String(
        decoding: line[end...].dropFirst(), as: UTF8.self)
    }
    self.init(unchecked: values)
  }
}
