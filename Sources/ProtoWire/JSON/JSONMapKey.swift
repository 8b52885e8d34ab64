/// A type that may be a map's key; in JSON every key is a string.
public protocol JSONMapKey: Hashable {
  /// The reader stands at the key's opening quote.
  static func readJSONKey(from reader: inout JSONReader) throws(JSONDecodingError) -> Self
  func writeJSONKey(to writer: inout JSONWriter)
  /// The order of deterministic output.
  static func precedes(_ left: Self, _ right: Self) -> Bool
}

extension String: JSONMapKey {
  @inlinable public static func readJSONKey(from reader: inout JSONReader)
    throws(JSONDecodingError) -> String
  { try reader.string() }
  @inlinable public func writeJSONKey(to writer: inout JSONWriter) { writer.string(self) }
  /// Byte order, as other languages sort.
  @inlinable public static func precedes(_ left: String, _ right: String) -> Bool {
    left.utf8.lexicographicallyPrecedes(right.utf8)
  }
}

extension Int32: JSONMapKey {
  @inlinable public static func readJSONKey(from reader: inout JSONReader)
    throws(JSONDecodingError) -> Int32
  { try reader.integerKey("int32") }
  @inlinable public func writeJSONKey(to writer: inout JSONWriter) { writer.int64(Int64(self)) }
  @inlinable public static func precedes(_ left: Int32, _ right: Int32) -> Bool { left < right }
}

extension UInt32: JSONMapKey {
  @inlinable public static func readJSONKey(from reader: inout JSONReader)
    throws(JSONDecodingError) -> UInt32
  { try reader.integerKey("uint32") }
  @inlinable public func writeJSONKey(to writer: inout JSONWriter) { writer.uint64(UInt64(self)) }
  @inlinable public static func precedes(_ left: UInt32, _ right: UInt32) -> Bool { left < right }
}

extension Int64: JSONMapKey {
  @inlinable public static func readJSONKey(from reader: inout JSONReader)
    throws(JSONDecodingError) -> Int64
  { try reader.integerKey("int64") }
  @inlinable public func writeJSONKey(to writer: inout JSONWriter) { writer.int64(self) }
  @inlinable public static func precedes(_ left: Int64, _ right: Int64) -> Bool { left < right }
}

extension UInt64: JSONMapKey {
  @inlinable public static func readJSONKey(from reader: inout JSONReader)
    throws(JSONDecodingError) -> UInt64
  { try reader.integerKey("uint64") }
  @inlinable public func writeJSONKey(to writer: inout JSONWriter) { writer.uint64(self) }
  @inlinable public static func precedes(_ left: UInt64, _ right: UInt64) -> Bool { left < right }
}

extension Bool: JSONMapKey {
  public static func readJSONKey(from reader: inout JSONReader) throws(JSONDecodingError) -> Bool {
    try reader.boolKey()
  }
  @inlinable public func writeJSONKey(to writer: inout JSONWriter) { writer.boolKey(self) }
  @inlinable public static func precedes(_ left: Bool, _ right: Bool) -> Bool { !left && right }
}

extension JSONReader {
  mutating func boolKey() throws(JSONDecodingError) -> Bool {
    let place = position
    let key = try scanString()
    if JSONNumber.matches(key, "true") { return true }
    if JSONNumber.matches(key, "false") { return false }
    throw fail(.malformed(JSONPath.excerpt(key), type: "boolean key"), at: place)
  }
}
