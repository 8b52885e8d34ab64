/// Sizes of nested messages in the order both passes of encoding visit them: computed once by
/// `byteSize`, consumed by `write`. Keep one and `reset()` it to encode without allocating.
@frozen public struct WireSizes: ~Copyable {
  @usableFromInline var base: UnsafeMutablePointer<UInt32>?
  @usableFromInline var count = 0
  @usableFromInline var capacity = 0
  /// False while `base` is memory of the caller.
  @usableFromInline var isOwner = true
  /// Map entries are visited in key order by both passes.
  @usableFromInline let deterministic: Bool

  @inlinable public init(deterministic: Bool = false) { self.deterministic = deterministic }

  /// Begins in memory of the caller, which must outlive this value, and moves out when it grows.
  @inlinable init(startingIn memory: UnsafeMutableBufferPointer<UInt32>, deterministic: Bool) {
    base = memory.baseAddress
    capacity = memory.count
    isOwner = false
    self.deterministic = deterministic
  }

  @inlinable deinit { if isOwner { base?.deallocate() } }

  /// Forgets the sizes and keeps the memory.
  @inlinable public mutating func reset() { count = 0 }

  @usableFromInline @inline(never) mutating func grow() {
    let grown = UnsafeMutablePointer<UInt32>.allocate(capacity: max(32, capacity * 2))
    if let base {
      grown.update(from: base, count: count)
      if isOwner { base.deallocate() }
    }
    base = grown
    isOwner = true
    capacity = max(32, capacity * 2)
  }

  /// The size of a length-delimited sub-message: its length prefix and its bytes, without the tag.
  @inlinable @inline(__always) public mutating func nested<M: WireMessage>(
    _ message: borrowing M
  ) -> Int {
    if count == capacity { grow() }
    let index = count
    count &+= 1
    let size = message.byteSize(&self)
    base.unsafelyUnwrapped[index] = UInt32(size)
    return size &+ varintSize(UInt64(truncatingIfNeeded: size))
  }

  /// Reserves a slot for a size that its caller computes; see `fill`.
  @inlinable @inline(__always) mutating func slot() -> Int {
    if count == capacity { grow() }
    count &+= 1
    return count &- 1
  }

  @inlinable @inline(__always) mutating func fill(_ slot: Int, _ size: Int) {
    base.unsafelyUnwrapped[slot] = UInt32(size)
  }
}

/// Bytes of a varint: 1...10.
@inlinable @inline(__always) func varintSize(_ value: UInt64) -> Int {
  (Int(truncatingIfNeeded: 63 &- (value | 1).leadingZeroBitCount) &* 9 &+ 73) &>> 6
}

/// Bytes of a length prefix and what it announces.
@inlinable @inline(__always) func delimitedSize(_ count: Int) -> Int {
  count &+ varintSize(UInt64(truncatingIfNeeded: count))
}
