/// How a JSON text is read.
public struct JSONDecodingOptions: Sendable {
  /// Unknown fields, and enum names the enum does not have, are skipped instead of refused.
  /// Default: refused.
  public var ignoreUnknownFields: Bool
  /// How deep objects and arrays may nest. Default: 100.
  public var depthLimit: Int
  /// The message types that `google.protobuf.Any` may hold. Default: the well-known types.
  public var types: TypeRegistry

  public init(
    ignoreUnknownFields: Bool = false, depthLimit: Int = 100, types: TypeRegistry = .wellKnown
  ) {
    self.ignoreUnknownFields = ignoreUnknownFields
    self.depthLimit = depthLimit
    self.types = types
  }
}
