/// How a message is written as JSON.
public struct JSONEncodingOptions: Sendable {
  /// Fields are named as in the schema (`display_name`) instead of in lowerCamelCase. Default:
  /// false.
  public var preserveProtoFieldNames: Bool
  /// Fields without presence are written even when they hold their default: zeros, empty strings,
  /// empty lists and maps. Default: false.
  public var alwaysPrintFieldsWithNoPresence: Bool
  /// Enum values are written as numbers. Default: false, by name; numbers without a name stay
  /// numbers.
  public var enumsAsInts: Bool
  /// One field a line, indented by two spaces. Default: false, no white space at all.
  public var pretty: Bool
  /// Map entries are written in the order of their keys. Default: false, any order.
  public var deterministic: Bool
  /// How deep messages may nest below the outermost one, those inside `google.protobuf.Any` included,
  /// of which 16 may stand inside each other. Without them, what the binary reader takes under the
  /// same limit is never too deep. Default: 100.
  public var depthLimit: Int
  /// The message types that `google.protobuf.Any` may hold. Default: the well-known types.
  public var types: TypeRegistry

  public init(
    preserveProtoFieldNames: Bool = false, alwaysPrintFieldsWithNoPresence: Bool = false,
    enumsAsInts: Bool = false, pretty: Bool = false, deterministic: Bool = false,
    depthLimit: Int = 100, types: TypeRegistry = .wellKnown
  ) {
    self.preserveProtoFieldNames = preserveProtoFieldNames
    self.alwaysPrintFieldsWithNoPresence = alwaysPrintFieldsWithNoPresence
    self.enumsAsInts = enumsAsInts
    self.pretty = pretty
    self.deterministic = deterministic
    self.depthLimit = depthLimit
    self.types = types
  }
}
