/// A service.
public struct ServiceDescriptorProto: WireDecodable {
  public var name = ""
  public var method: [MethodDescriptorProto] = []
  public var options = ServiceOptions()

  public init() {}

  public mutating func merge(from reader: inout WireReader) throws(DecodingError) {
    while !reader.atEnd {
      switch try reader.tag() {
      case 10: name = try reader.string()
      case 18: try reader.appendMessage(to: &method)
      case 26: try reader.message(&options)
      case let tag: try reader.skip(tag)
      }
    }
  }
}

/// The service options that the generator honours.
public struct ServiceOptions: WireDecodable {
  public var deprecated = false

  public init() {}

  public mutating func merge(from reader: inout WireReader) throws(DecodingError) {
    while !reader.atEnd {
      switch try reader.tag() {
      case 264: deprecated = try reader.bool()
      case let tag: try reader.skip(tag)
      }
    }
  }
}

/// A method of a service.
public struct MethodDescriptorProto: WireDecodable {
  public var name = ""
  /// Full type names with a leading dot.
  public var inputType = ""
  public var outputType = ""
  public var options = MethodOptions()
  public var clientStreaming = false
  public var serverStreaming = false

  public init() {}

  public mutating func merge(from reader: inout WireReader) throws(DecodingError) {
    while !reader.atEnd {
      switch try reader.tag() {
      case 10: name = try reader.string()
      case 18: inputType = try reader.string()
      case 26: outputType = try reader.string()
      case 34: try reader.message(&options)
      case 40: clientStreaming = try reader.bool()
      case 48: serverStreaming = try reader.bool()
      case let tag: try reader.skip(tag)
      }
    }
  }
}

/// The method options that the generator honours.
public struct MethodOptions: WireDecodable {
  /// `google.protobuf.MethodOptions.IdempotencyLevel`, by number.
  public enum IdempotencyLevel: Int32, Sendable {
    case unknown = 0, noSideEffects, idempotent
  }

  public var deprecated = false
  public var idempotencyLevel = IdempotencyLevel.unknown
  /// Whatever else the schema says, custom options above all, as it stands on the wire.
  public var custom = UnknownFields()

  public init() {}

  public mutating func merge(from reader: inout WireReader) throws(DecodingError) {
    while !reader.atEnd {
      let start = reader.mark
      switch try reader.tag() {
      case 264: deprecated = try reader.bool()
      case 272: idempotencyLevel = IdempotencyLevel(rawValue: try reader.int32()) ?? .unknown
      case let tag: try reader.unknown(tag, from: start, into: &custom)
      }
    }
  }

  /// Whether a custom option of that number is set.
  public func hasCustom(_ number: Int32) throws(DecodingError) -> Bool {
    var probe = FieldProbe(number)
    try probe.merge(wire: custom.bytes)
    return probe.isFound
  }
}

/// Looks for a field by its number.
private struct FieldProbe: WireDecodable {
  private let number: Int32
  private(set) var isFound = false

  init() { self.init(0) }

  init(_ number: Int32) { self.number = number }

  mutating func merge(from reader: inout WireReader) throws(DecodingError) {
    while !reader.atEnd {
      let tag = try reader.tag()
      if tag >> 3 == UInt32(bitPattern: number) { isFound = true }
      try reader.skip(tag)
    }
  }
}
