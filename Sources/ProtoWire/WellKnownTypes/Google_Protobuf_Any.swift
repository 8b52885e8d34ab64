/// `google.protobuf.Any`: an encoded message and the URL of its type.
public struct Google_Protobuf_Any: Message {
  public static let fullName = "google.protobuf.Any"

  /// `type.googleapis.com/` and the message's full name.
  public var typeURL = ""
  /// The encoded message.
  public var value: [UInt8] = []
  public var unknownFields = UnknownFields()

  public init() {}

  public mutating func merge(from reader: inout WireReader) throws(DecodingError) {
    while !reader.atEnd {
      let start = reader.mark
      switch try reader.tag() {
      case 10: typeURL = try reader.string()
      case 18: value = try reader.bytes()
      case let tag: try reader.unknown(tag, from: start, into: &unknownFields)
      }
    }
  }

  public func byteSize(_ sizes: inout WireSizes) -> Int {
    var size = unknownFields.byteCount
    if !typeURL.isEmpty { size += 1 + delimitedSize(typeURL.utf8.count) }
    if !value.isEmpty { size += 1 + delimitedSize(value.count) }
    return size
  }

  public func write(to writer: inout WireWriter) {
    if !typeURL.isEmpty {
      writer.tag(10)
      writer.string(typeURL)
    }
    if !value.isEmpty {
      writer.tag(18)
      writer.bytes(value)
    }
    writer.unknown(unknownFields)
  }
}
