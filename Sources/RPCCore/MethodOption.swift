public import ProtoWire

/// An option that a schema adds to methods, by `extend google.protobuf.MethodOptions`. Generated code
/// declares one for each, named as the schema names it, where values of its type are looked for:
/// `method.option(.policy)`.
public struct MethodOption<Codec: WireCodec>: Sendable {
  /// The extension's field number.
  public let number: Int32

  public init(number: Int32) { self.number = number }

  /// - Parameter options: an encoded `google.protobuf.MethodOptions`.
  func value(in options: [UInt8]) throws(DecodingError) -> Codec.Value? {
    var search = Search<Codec>(self)
    try search.merge(wire: options)
    return search.value
  }
}

/// Reads one field of a message whose other fields do not matter; a message in parts is merged.
private struct Search<Codec: WireCodec>: WireDecodable {
  private let tag: UInt32
  private(set) var value: Codec.Value?

  init() { tag = 0 }

  init(_ option: MethodOption<Codec>) {
    tag = UInt32(bitPattern: option.number) << 3 | Codec.wireType
  }

  mutating func merge(from reader: inout WireReader) throws(DecodingError) {
    while !reader.atEnd {
      let next = try reader.tag()
      guard next == tag else {
        try reader.skip(next)
        continue
      }
      var merged = value ?? Codec.defaultValue
      try Codec.merge(into: &merged, from: &reader)
      value = merged
    }
  }
}
