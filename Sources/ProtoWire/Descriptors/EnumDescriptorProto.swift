/// An enum type.
public struct EnumDescriptorProto: WireDecodable {
  public var name = ""
  public var value: [EnumValueDescriptorProto] = []
  public var options = EnumOptions()

  public init() {}

  public mutating func merge(from reader: inout WireReader) throws(DecodingError) {
    while !reader.atEnd {
      switch try reader.tag() {
      case 10: name = try reader.string()
      case 18: try reader.appendMessage(to: &value)
      case 26: try reader.message(&options)
      case let tag: try reader.skip(tag)
      }
    }
  }
}

/// One name and number of an enum.
public struct EnumValueDescriptorProto: WireDecodable {
  public var name = ""
  public var number: Int32 = 0
  public var options = EnumValueOptions()

  public init() {}

  public mutating func merge(from reader: inout WireReader) throws(DecodingError) {
    while !reader.atEnd {
      switch try reader.tag() {
      case 10: name = try reader.string()
      case 16: number = try reader.int32()
      case 26: try reader.message(&options)
      case let tag: try reader.skip(tag)
      }
    }
  }
}

/// The enum options that the generator honours.
public struct EnumOptions: WireDecodable {
  public var allowAlias = false
  public var deprecated = false

  public init() {}

  public mutating func merge(from reader: inout WireReader) throws(DecodingError) {
    while !reader.atEnd {
      switch try reader.tag() {
      case 16: allowAlias = try reader.bool()
      case 24: deprecated = try reader.bool()
      case let tag: try reader.skip(tag)
      }
    }
  }
}

/// The enum value options that the generator honours.
public struct EnumValueOptions: WireDecodable {
  public var deprecated = false

  public init() {}

  public mutating func merge(from reader: inout WireReader) throws(DecodingError) {
    while !reader.atEnd {
      switch try reader.tag() {
      case 8: deprecated = try reader.bool()
      case let tag: try reader.skip(tag)
      }
    }
  }
}
