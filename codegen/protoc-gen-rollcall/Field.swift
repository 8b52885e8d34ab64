/// A field of a message.
final class Field {
  /// The type of a value: of the field itself, of an element, or of a map's key or value.
  enum Kind {
    case double, float, int32, int64, uint32, uint64, sint32, sint64
    case fixed32, fixed64, sfixed32, sfixed64, bool, string, bytes
    /// With the type's name as it is written inside the message that has the field.
    case message(MessageType, name: String)
    case enumeration(EnumType, name: String)
  }

  enum Shape {
    /// Proto3's plain scalar: absent means the default value.
    case implicit(Kind)
    /// `optional` scalars and all singular messages: an Optional.
    case explicit(Kind)
    /// A member of a oneof.
    case member(Kind, Oneof)
    case repeated(Kind, packed: Bool)
    case map(key: Kind, value: Kind)
  }

  let name: String
  let jsonName: String
  let number: Int
  /// The property's or oneof case's name, escaped.
  let swiftName: String
  let shape: Shape
  let comment: Comment

  init(
    name: String, jsonName: String, number: Int, swiftName: String, shape: Shape, comment: Comment
  ) {
    self.name = name
    self.jsonName = jsonName
    self.number = number
    self.swiftName = swiftName
    self.shape = shape
    self.comment = comment
  }

  /// The type of the value, element or map value.
  var kind: Kind {
    switch shape {
    case .implicit(let kind), .explicit(let kind), .member(let kind, _), .repeated(let kind, _),
      .map(_, let kind):
      kind
    }
  }

  /// The tag that this field is written with.
  var tag: UInt32 {
    switch shape {
    case .map: UInt32(number) << 3 | 2
    case .repeated(_, packed: true): UInt32(number) << 3 | 2
    case .repeated(let kind, _), .implicit(let kind), .explicit(let kind), .member(let kind, _):
      UInt32(number) << 3 | kind.wireType
    }
  }

  var tagSize: Int {
    tag < 1 << 7 ? 1 : tag < 1 << 14 ? 2 : tag < 1 << 21 ? 3 : tag < 1 << 28 ? 4 : 5
  }
}

extension Field.Kind {
  var wireType: UInt32 {
    switch self {
    case .double, .fixed64, .sfixed64: 1
    case .float, .fixed32, .sfixed32: 5
    case .string, .bytes, .message: 2
    default: 0
    }
  }

  /// Whether a repeated field of this kind may be packed.
  var isPackable: Bool { wireType != 2 }

  /// The Swift type of one value.
  var swiftType: String {
    switch self {
    case .double: "Double"
    case .float: "Float"
    case .int32, .sint32, .sfixed32: "Int32"
    case .int64, .sint64, .sfixed64: "Int64"
    case .uint32, .fixed32: "UInt32"
    case .uint64, .fixed64: "UInt64"
    case .bool: "Bool"
    case .string: "String"
    case .bytes: "[UInt8]"
    case .message(_, let name), .enumeration(_, let name): name
    }
  }

  /// The reader's and writer's method, for all but messages.
  var method: String {
    switch self {
    case .double: "double"
    case .float: "float"
    case .int32: "int32"
    case .int64: "int64"
    case .uint32: "uint32"
    case .uint64: "uint64"
    case .sint32: "sint32"
    case .sint64: "sint64"
    case .fixed32: "fixed32"
    case .fixed64: "fixed64"
    case .sfixed32: "sfixed32"
    case .sfixed64: "sfixed64"
    case .bool: "bool"
    case .string: "string"
    case .bytes: "bytes"
    case .message: "nested"
    case .enumeration: "enumeration"
    }
  }

  /// The runtime's codec type.
  var codec: String {
    switch self {
    case .double: "WireDouble"
    case .float: "WireFloat"
    case .int32: "WireInt32"
    case .int64: "WireInt64"
    case .uint32: "WireUInt32"
    case .uint64: "WireUInt64"
    case .sint32: "WireSInt32"
    case .sint64: "WireSInt64"
    case .fixed32: "WireFixed32"
    case .fixed64: "WireFixed64"
    case .sfixed32: "WireSFixed32"
    case .sfixed64: "WireSFixed64"
    case .bool: "WireBool"
    case .string: "WireString"
    case .bytes: "WireBytes"
    case .message(_, let name): "WireSubmessage<\(name)>"
    case .enumeration(_, let name): "WireEnum<\(name)>"
    }
  }

  /// The literal of proto3's default; `nil` for messages.
  var defaultLiteral: String? {
    switch self {
    case .bool: "false"
    case .string: "\"\""
    case .bytes: "[]"
    case .message: nil
    case .enumeration(let type, _): ".\(type.zero.swiftName)"
    default: "0"
    }
  }
}

extension Field {
  /// The type of the property; a oneof's member has its own only inside the enum.
  var swiftType: String {
    switch shape {
    case .implicit(let kind), .member(let kind, _): kind.swiftType
    case .explicit(let kind): "\(kind.swiftType)?"
    case .repeated(let kind, _): "[\(kind.swiftType)]"
    case .map(let key, let value): "[\(key.swiftType): \(value.swiftType)]"
    }
  }
}
