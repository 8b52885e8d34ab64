/// A message that cannot be copied, which is the point: a copyable value in memory would be copied out
/// before each call of its methods, with a retain and a release for every string in it, and that costs more
/// than encoding it. Laid out exactly as the message.
@frozen @usableFromInline struct BorrowedMessage<M: WireMessage>: ~Copyable {
  @usableFromInline var value: M

  @inlinable init(_ value: consuming M) { self.value = value }

  @inlinable @inline(__always) borrowing func byteSize(_ sizes: inout WireSizes) -> Int {
    value.byteSize(&sizes)
  }

  @inlinable @inline(__always) borrowing func write(to writer: inout WireWriter) {
    value.write(to: &writer)
  }

  /// The elements of an array where they stand. Valid while the array is, and not for an empty one.
  @inlinable @inline(__always) static func elements(of array: borrowing [M])
    -> UnsafePointer<BorrowedMessage>
  {
    let first = array.withUnsafeBufferPointer { UnsafeRawPointer($0.baseAddress.unsafelyUnwrapped) }
    // Bound to `M`, of which this is a wrapper with the same layout and no other member.
    return first.assumingMemoryBound(to: BorrowedMessage.self)
  }
}
