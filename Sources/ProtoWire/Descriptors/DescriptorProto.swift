/// A message type.
public struct DescriptorProto: WireDecodable {
  public var name = ""
  public var field: [FieldDescriptorProto] = []
  public var nestedType: [DescriptorProto] = []
  public var enumType: [EnumDescriptorProto] = []
  public var `extension`: [FieldDescriptorProto] = []
  public var oneofDecl: [OneofDescriptorProto] = []
  public var options = MessageOptions()

  public init() {}

  public mutating func merge(from reader: inout WireReader) throws(DecodingError) {
    while !reader.atEnd {
      switch try reader.tag() {
      case 10: name = try reader.string()
      case 18: try reader.appendMessage(to: &field)
      case 26: try reader.appendMessage(to: &nestedType)
      case 34: try reader.appendMessage(to: &enumType)
      case 50: try reader.appendMessage(to: &`extension`)
      case 58: try reader.message(&options)
      case 66: try reader.appendMessage(to: &oneofDecl)
      case let tag: try reader.skip(tag)
      }
    }
  }
}

/// The message options that the generator honours.
public struct MessageOptions: WireDecodable {
  public var deprecated = false
  /// The entry type that the compiler made for a map field.
  public var mapEntry = false

  public init() {}

  public mutating func merge(from reader: inout WireReader) throws(DecodingError) {
    while !reader.atEnd {
      switch try reader.tag() {
      case 24: deprecated = try reader.bool()
      case 56: mapEntry = try reader.bool()
      case let tag: try reader.skip(tag)
      }
    }
  }
}

/// A oneof, or the synthetic one of a proto3 `optional` field.
public struct OneofDescriptorProto: WireDecodable {
  public var name = ""

  public init() {}

  public mutating func merge(from reader: inout WireReader) throws(DecodingError) {
    while !reader.atEnd {
      switch try reader.tag() {
      case 10: name = try reader.string()
      case let tag: try reader.skip(tag)
      }
    }
  }
}

/// A field of a message, or an extension.
public struct FieldDescriptorProto: WireDecodable {
  /// The types of `google.protobuf.FieldDescriptorProto.Type`, by number.
  public enum Kind: Int32, Sendable {
    case double = 1, float, int64, uint64, int32, fixed64, fixed32, bool, string, group, message
    case bytes, uint32, `enum`, sfixed32, sfixed64, sint32, sint64
  }

  public enum Label: Int32, Sendable {
    case optional = 1, required, repeated
  }

  public var name = ""
  /// The extended message of an extension, such as `.google.protobuf.MethodOptions`.
  public var extendee = ""
  public var number: Int32 = 0
  /// `nil` for a number that this reader does not know.
  public var label: Label? = nil
  public var type: Kind? = nil
  /// The full name of a message or enum type, with a leading dot.
  public var typeName = ""
  /// The index of the containing oneof in its message.
  public var oneofIndex: Int32?
  public var jsonName = ""
  public var proto3Optional = false
  public var options = FieldOptions()

  public init() {}

  public mutating func merge(from reader: inout WireReader) throws(DecodingError) {
    while !reader.atEnd {
      switch try reader.tag() {
      case 10: name = try reader.string()
      case 18: extendee = try reader.string()
      case 24: number = try reader.int32()
      case 32: label = Label(rawValue: try reader.int32())
      case 40: type = Kind(rawValue: try reader.int32())
      case 50: typeName = try reader.string()
      case 66: try reader.message(&options)
      case 72: oneofIndex = try reader.int32()
      case 82: jsonName = try reader.string()
      case 136: proto3Optional = try reader.bool()
      case let tag: try reader.skip(tag)
      }
    }
  }
}

/// The field options that the generator honours.
public struct FieldOptions: WireDecodable {
  /// Written in the schema or not; proto3 packs by default.
  public var packed: Bool?
  public var deprecated = false

  public init() {}

  public mutating func merge(from reader: inout WireReader) throws(DecodingError) {
    while !reader.atEnd {
      switch try reader.tag() {
      case 16: packed = try reader.bool()
      case 24: deprecated = try reader.bool()
      case let tag: try reader.skip(tag)
      }
    }
  }
}
