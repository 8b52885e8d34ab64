/// How a JSON text is read.
public struct JSONDecodingOptions: Sendable {
  /// Unknown fields, and enum names the enum does not have, are skipped instead of refused.
  /// Default: refused.
  public var ignoreUnknownFields: Bool
  /// How deep objects and arrays may nest. Default: 100.
  public var depthLimit: Int
  /// Memory for messages in lists and maps and for message boxes, in bytes per byte of text.
  /// Default: 32. Strings, bytes and scalars need no grant: the text bounds their memory by itself.
  public var allocationFactor: Int
  /// The grant never falls below this many bytes. Default: 1 MiB.
  public var minimumAllocationBudget: Int
  /// The message types that `google.protobuf.Any` may hold. Default: the well-known types.
  public var types: TypeRegistry

  public init(
    ignoreUnknownFields: Bool = false, depthLimit: Int = 100, allocationFactor: Int = 32,
    minimumAllocationBudget: Int = 1 << 20, types: TypeRegistry = .wellKnown
  ) {
    self.ignoreUnknownFields = ignoreUnknownFields
    self.depthLimit = depthLimit
    self.allocationFactor = allocationFactor
    self.minimumAllocationBudget = minimumAllocationBudget
    self.types = types
  }
}
