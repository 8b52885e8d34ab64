/// A wrapper's JSON form is that of its value. `null` is the absence of the wrapper's field, which
/// generated code handles; it is never the wrapper's own form.
extension Google_Protobuf_DoubleValue: JSONWellKnown {
  public mutating func mergeJSON(from reader: inout JSONReader) throws(JSONDecodingError) {
    value = try reader.double()
  }
  public func writeJSON(to writer: inout JSONWriter) throws(JSONEncodingError) {
    writer.double(value)
  }
}

extension Google_Protobuf_FloatValue: JSONWellKnown {
  public mutating func mergeJSON(from reader: inout JSONReader) throws(JSONDecodingError) {
    value = try reader.float()
  }
  public func writeJSON(to writer: inout JSONWriter) throws(JSONEncodingError) {
    writer.float(value)
  }
}

extension Google_Protobuf_Int64Value: JSONWellKnown {
  public mutating func mergeJSON(from reader: inout JSONReader) throws(JSONDecodingError) {
    value = try reader.int64()
  }
  public func writeJSON(to writer: inout JSONWriter) throws(JSONEncodingError) {
    writer.int64(value)
  }
}

extension Google_Protobuf_UInt64Value: JSONWellKnown {
  public mutating func mergeJSON(from reader: inout JSONReader) throws(JSONDecodingError) {
    value = try reader.uint64()
  }
  public func writeJSON(to writer: inout JSONWriter) throws(JSONEncodingError) {
    writer.uint64(value)
  }
}

extension Google_Protobuf_Int32Value: JSONWellKnown {
  public mutating func mergeJSON(from reader: inout JSONReader) throws(JSONDecodingError) {
    value = try reader.int32()
  }
  public func writeJSON(to writer: inout JSONWriter) throws(JSONEncodingError) {
    writer.int32(value)
  }
}

extension Google_Protobuf_UInt32Value: JSONWellKnown {
  public mutating func mergeJSON(from reader: inout JSONReader) throws(JSONDecodingError) {
    value = try reader.uint32()
  }
  public func writeJSON(to writer: inout JSONWriter) throws(JSONEncodingError) {
    writer.uint32(value)
  }
}

extension Google_Protobuf_BoolValue: JSONWellKnown {
  public mutating func mergeJSON(from reader: inout JSONReader) throws(JSONDecodingError) {
    value = try reader.bool()
  }
  public func writeJSON(to writer: inout JSONWriter) throws(JSONEncodingError) {
    writer.bool(value)
  }
}

extension Google_Protobuf_StringValue: JSONWellKnown {
  public mutating func mergeJSON(from reader: inout JSONReader) throws(JSONDecodingError) {
    value = try reader.string()
  }
  public func writeJSON(to writer: inout JSONWriter) throws(JSONEncodingError) {
    writer.string(value)
  }
}

extension Google_Protobuf_BytesValue: JSONWellKnown {
  public mutating func mergeJSON(from reader: inout JSONReader) throws(JSONDecodingError) {
    value = try reader.bytes()
  }
  public func writeJSON(to writer: inout JSONWriter) throws(JSONEncodingError) {
    writer.bytes(value)
  }
}
