/// The message types that `google.protobuf.Any` may hold in JSON, by full name.
public struct TypeRegistry: Sendable {
  private var types: [String: any Message.Type] = [:]

  /// The given types and the well-known ones.
  public init(_ types: [any Message.Type] = []) {
    for type in Self.wellKnownTypes { self.types[type.fullName] = type }
    for type in types { self.types[type.fullName] = type }
  }

  /// The well-known types alone.
  public static let wellKnown = TypeRegistry()

  /// Adds a type, in place of one of the same name.
  public mutating func register(_ type: any Message.Type) { types[type.fullName] = type }

  /// The type of that full name.
  public func type(named fullName: String) -> (any Message.Type)? { types[fullName] }

  /// The type that a URL such as `type.googleapis.com/rollcall.v1.Device` names: what follows the
  /// last slash, which must be there.
  public func type(url: String) -> (any Message.Type)? {
    guard let slash = url.utf8.lastIndex(of: UInt8(ascii: "/")) else { return nil }
    // By bytes: a combining mark behind the slash would be part of one Character with it.
    return types[String(Substring(url.utf8[url.utf8.index(after: slash)...]))]
  }

  private static let wellKnownTypes: [any Message.Type] = [
    Google_Protobuf_Any.self, Google_Protobuf_BoolValue.self, Google_Protobuf_BytesValue.self,
    Google_Protobuf_DoubleValue.self, Google_Protobuf_Duration.self, Google_Protobuf_Empty.self,
    Google_Protobuf_FieldMask.self, Google_Protobuf_FloatValue.self,
    Google_Protobuf_Int32Value.self, Google_Protobuf_Int64Value.self,
    Google_Protobuf_ListValue.self, Google_Protobuf_StringValue.self, Google_Protobuf_Struct.self,
    Google_Protobuf_Timestamp.self, Google_Protobuf_UInt32Value.self,
    Google_Protobuf_UInt64Value.self, Google_Protobuf_Value.self,
  ]
}
