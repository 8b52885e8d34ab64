/// What a decoder grants to the bytes it reads. The defaults are safe for a hostile peer.
@frozen public struct DecodingOptions: Hashable, Sendable {
  /// Nested messages, map entries and (unknown) groups allowed below the outermost message.
  public var depthLimit: Int
  /// Drops fields that the schema does not know instead of keeping them for re-encoding.
  public var discardUnknownFields: Bool
  /// Memory for repeated messages and message boxes, in bytes per byte of input. Strings, bytes and
  /// scalars need no grant: their memory is bounded by the input by construction.
  public var allocationFactor: Int
  /// The grant never falls below this many bytes, so that small messages may be sparse.
  public var minimumAllocationBudget: Int
  /// Combining marks that may follow each other in a `string`: `String` hashes and compares in a time
  /// that grows with the square of such a run. 30 is the limit of Unicode's Stream-Safe Text Format.
  public var combiningMarkLimit: Int

  @inlinable public init(
    depthLimit: Int = 100, discardUnknownFields: Bool = false, allocationFactor: Int = 32,
    minimumAllocationBudget: Int = 1 << 20, combiningMarkLimit: Int = 30
  ) {
    self.depthLimit = depthLimit
    self.discardUnknownFields = discardUnknownFields
    self.allocationFactor = allocationFactor
    self.minimumAllocationBudget = minimumAllocationBudget
    self.combiningMarkLimit = combiningMarkLimit
  }

  @inlinable func allocationBudget(forByteCount count: Int) -> Int {
    let (product, overflow) = count.multipliedReportingOverflow(by: allocationFactor)
    return max(minimumAllocationBudget, overflow ? Int.max : product)
  }
}
