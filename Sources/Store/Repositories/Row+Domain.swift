internal import Domain
internal import SQL

extension Row {
  /// An id, stored as its text.
  func id<Owner>(_ column: Int, of owner: ID<Owner>.Type = ID<Owner>.self) throws(SQLError)
    -> ID<Owner>
  {
    ID(try get(column, as: String.self))
  }

  /// A moment, stored in milliseconds.
  func time(_ column: Int) throws(SQLError) -> Timestamp {
    Timestamp(milliseconds: try get(column, as: Int64.self))
  }

  /// A moment that may be NULL, stored in milliseconds.
  func timeOrNil(_ column: Int) throws(SQLError) -> Timestamp? {
    try get(column, as: Int64?.self).map { Timestamp(milliseconds: $0) }
  }

  /// Labels, stored as ``Labels/storedText``.
  func labels(_ column: Int) throws(SQLError) -> Labels {
    Labels(storedText: try get(column, as: String.self))
  }
}

extension Labels {
  /// `key=value` a line, by key. Unambiguous: a key holds no `=`, neither holds a line feed.
  var storedText: String {
    values.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: "\n")
  }

  /// The labels that ``storedText`` describes.
  init(storedText text: String) {
    var values: [String: String] = [:]
    for line in text.utf8.split(separator: UInt8(ascii: "\n")) {
      let end = line.firstIndex(of: UInt8(ascii: "=")) ?? line.endIndex
      values[String(decoding: line[..<end], as: UTF8.self)] = String(
        decoding: line[end...].dropFirst(), as: UTF8.self)
    }
    self.init(unchecked: values)
  }
}
