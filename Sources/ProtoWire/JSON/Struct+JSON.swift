/// Any JSON object.
extension Google_Protobuf_Struct: JSONWellKnown {
  public mutating func mergeJSON(from reader: inout JSONReader) throws(JSONDecodingError) {
    try reader.map(&fields)
  }

  public func writeJSON(to writer: inout JSONWriter) throws(JSONEncodingError) {
    try writer.enter()
    try writer.object(fields)
    writer.leave()
  }
}

/// Any JSON list.
extension Google_Protobuf_ListValue: JSONWellKnown {
  public mutating func mergeJSON(from reader: inout JSONReader) throws(JSONDecodingError) {
    try reader.repeated(&values)
  }

  public func writeJSON(to writer: inout JSONWriter) throws(JSONEncodingError) {
    try writer.enter()
    try writer.list(values)
    writer.leave()
  }
}

/// Any JSON value, `null` included.
extension Google_Protobuf_Value: JSONWellKnown {
  public mutating func mergeJSON(from reader: inout JSONReader) throws(JSONDecodingError) {
    switch try reader.peek() {
    case UInt8(ascii: "n"):
      try reader.literal("null")
      kind = .nullValue(.nullValue)
    case UInt8(ascii: "t"), UInt8(ascii: "f"): kind = .boolValue(try reader.bool())
    case UInt8(ascii: "\""): kind = .stringValue(try reader.string())
    case UInt8(ascii: "{"):
      kind = try .structValue(reader.nested(Google_Protobuf_Struct.self))
    case UInt8(ascii: "["):
      kind = try .listValue(reader.nested(Google_Protobuf_ListValue.self))
    default: kind = .numberValue(try reader.double())
    }
  }

  public func writeJSON(to writer: inout JSONWriter) throws(JSONEncodingError) {
    switch kind {
    case .nullValue: writer.null()
    case .numberValue(let number):
      guard number.isFinite else { throw .valueNotFinite(number) }
      writer.double(number)
    case .stringValue(let string): writer.string(string)
    case .boolValue(let bool): writer.bool(bool)
    case .structValue(let fields): try fields.writeJSON(to: &writer)
    case .listValue(let list): try list.writeJSON(to: &writer)
    case nil: throw .valueWithoutKind
    }
  }
}

/// `null`; the name and the number are read as well.
extension Google_Protobuf_NullValue {
  public static func readJSON(from reader: inout JSONReader) throws(JSONDecodingError)
    -> Google_Protobuf_NullValue?
  {
    if try reader.takeNull() { return .nullValue }
    return try reader.enumeration(Self.self)
  }

  public func writeJSON(to writer: inout JSONWriter) throws(JSONEncodingError) { writer.null() }
}
