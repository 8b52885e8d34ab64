/// A value with a JSON form: the scalars, enums and messages of protobuf. Generated code and the
/// generic code for lists and maps read and write through it.
public protocol JSONValue {
  /// Reads a value; `nil` for an enum name that is unknown and, by option, ignored.
  static func readJSON(from reader: inout JSONReader) throws(JSONDecodingError) -> Self?
  /// Writes a value.
  func writeJSON(to writer: inout JSONWriter) throws(JSONEncodingError)
  /// Bytes that an element of this type takes out of the reader's memory grant.
  static var elementCharge: Int { get }
}

extension JSONValue {
  @inlinable public static var elementCharge: Int { 0 }
}

/// A value that a field without presence may hold.
public protocol JSONScalar: JSONValue {
  /// The field counts as absent. Minus zero does not: it is written, as in the binary form.
  var isFieldDefault: Bool { get }
}

extension Int32: JSONScalar {
  @inlinable public static func readJSON(from reader: inout JSONReader) throws(JSONDecodingError)
    -> Int32?
  { try reader.int32() }
  @inlinable public func writeJSON(to writer: inout JSONWriter) { writer.int32(self) }
  @inlinable public var isFieldDefault: Bool { self == 0 }
}

extension UInt32: JSONScalar {
  @inlinable public static func readJSON(from reader: inout JSONReader) throws(JSONDecodingError)
    -> UInt32?
  { try reader.uint32() }
  @inlinable public func writeJSON(to writer: inout JSONWriter) { writer.uint32(self) }
  @inlinable public var isFieldDefault: Bool { self == 0 }
}

extension Int64: JSONScalar {
  @inlinable public static func readJSON(from reader: inout JSONReader) throws(JSONDecodingError)
    -> Int64?
  { try reader.int64() }
  @inlinable public func writeJSON(to writer: inout JSONWriter) { writer.int64(self) }
  @inlinable public var isFieldDefault: Bool { self == 0 }
}

extension UInt64: JSONScalar {
  @inlinable public static func readJSON(from reader: inout JSONReader) throws(JSONDecodingError)
    -> UInt64?
  { try reader.uint64() }
  @inlinable public func writeJSON(to writer: inout JSONWriter) { writer.uint64(self) }
  @inlinable public var isFieldDefault: Bool { self == 0 }
}

extension Bool: JSONScalar {
  @inlinable public static func readJSON(from reader: inout JSONReader) throws(JSONDecodingError)
    -> Bool?
  { try reader.bool() }
  @inlinable public func writeJSON(to writer: inout JSONWriter) { writer.bool(self) }
  @inlinable public var isFieldDefault: Bool { !self }
}

extension Float: JSONScalar {
  @inlinable public static func readJSON(from reader: inout JSONReader) throws(JSONDecodingError)
    -> Float?
  { try reader.float() }
  @inlinable public func writeJSON(to writer: inout JSONWriter) { writer.float(self) }
  @inlinable public var isFieldDefault: Bool { bitPattern == 0 }
}

extension Double: JSONScalar {
  @inlinable public static func readJSON(from reader: inout JSONReader) throws(JSONDecodingError)
    -> Double?
  { try reader.double() }
  @inlinable public func writeJSON(to writer: inout JSONWriter) { writer.double(self) }
  @inlinable public var isFieldDefault: Bool { bitPattern == 0 }
}

extension String: JSONScalar {
  @inlinable public static func readJSON(from reader: inout JSONReader) throws(JSONDecodingError)
    -> String?
  { try reader.string() }
  @inlinable public func writeJSON(to writer: inout JSONWriter) { writer.string(self) }
  @inlinable public var isFieldDefault: Bool { isEmpty }
}

/// Bytes are base64 in JSON.
extension Array: JSONValue, JSONScalar where Element == UInt8 {
  @inlinable public static func readJSON(from reader: inout JSONReader) throws(JSONDecodingError)
    -> [UInt8]?
  { try reader.bytes() }
  @inlinable public func writeJSON(to writer: inout JSONWriter) { writer.bytes(self) }
  @inlinable public var isFieldDefault: Bool { isEmpty }
}

extension ProtoEnum {
  /// By name or by number; numbers need no name.
  public static func readJSON(from reader: inout JSONReader) throws(JSONDecodingError) -> Self? {
    try reader.enumeration(Self.self)
  }
  @inlinable public func writeJSON(to writer: inout JSONWriter) throws(JSONEncodingError) {
    writer.enumeration(self)
  }
  @inlinable public var isFieldDefault: Bool { rawValue == 0 }
}

extension JSONReader {
  /// An enum value by name or by number.
  mutating func enumeration<E: ProtoEnum>(_: E.Type) throws(JSONDecodingError) -> E? {
    switch try peek() {
    case UInt8(ascii: "\""):
      let place = position
      let name = try scanString()
      if let number = E.protoNames.number(of: name) { return E(rawValue: number) }
      if options.ignoreUnknownFields {
        ignoredValue = true
        return nil
      }
      throw fail(.unknownEnumName(JSONPath.excerpt(name), type: E.fullName), at: place)
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
      return E(rawValue: try integer("enum \(E.fullName)"))
    default: throw unexpected("the name or number of a \(E.fullName)")
    }
  }
}

extension Message {
  @inlinable public static var elementCharge: Int { MemoryLayout<Self>.stride }

  @inlinable public static func readJSON(from reader: inout JSONReader) throws(JSONDecodingError)
    -> Self?
  {
    var message = Self()
    try reader.enter()
    try message.mergeJSON(from: &reader)
    reader.leave()
    return message
  }
}
