/// How a JSON text is read.
public struct JSONDecodingOptions: Sendable {
  /// Unknown fields, and enum names the enum does not have, are skipped instead of refused.
  /// Default: refused.
  public var ignoreUnknownFields: Bool
  /// How deep messages may nest below the outermost one, counted as in the binary form, so that what
  /// is read here can be read there: a map's entry is a level, a list is none, an object in a
  /// `google.protobuf.Struct` is three, a list in a `ListValue` two. What is skipped counts its
  /// brackets. Default: 100. A level takes up to 2 KiB of stack.
  public var depthLimit: Int
  /// Memory for messages in lists and maps and for message boxes, in bytes per byte of text, and of
  /// the message's binary form where that is shorter. Default: 32. Strings, bytes and scalars need no
  /// grant: they take at most about 32 bytes per byte of text (a field mask of one-letter paths).
  public var allocationFactor: Int
  /// The grant never falls below this many bytes. Default: 1 MiB.
  public var minimumAllocationBudget: Int
  /// Combining marks that may follow each other in a string, see `DecodingOptions`. Default: 30.
  public var combiningMarkLimit: Int
  /// The message types that `google.protobuf.Any` may hold. Default: the well-known types.
  public var types: TypeRegistry

  public init(
    ignoreUnknownFields: Bool = false, depthLimit: Int = 100, allocationFactor: Int = 32,
    minimumAllocationBudget: Int = 1 << 20, combiningMarkLimit: Int = 30,
    types: TypeRegistry = .wellKnown
  ) {
    self.ignoreUnknownFields = ignoreUnknownFields
    self.depthLimit = depthLimit
    self.allocationFactor = allocationFactor
    self.minimumAllocationBudget = minimumAllocationBudget
    self.combiningMarkLimit = combiningMarkLimit
    self.types = types
  }
}
