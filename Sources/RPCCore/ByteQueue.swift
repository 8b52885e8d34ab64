public import ProtoWire

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Bytes that are appended at one end and taken at the other, in one block of raw memory that is kept for reuse.
///
/// Unsafe by design and owned by one thread: streams of HTTP/2 sessions embed it, generated code encodes straight into it.
/// The block never exceeds what was appended and not yet taken by more than a factor of two.
@frozen public struct ByteQueue: ~Copyable {
  @usableFromInline var base: UnsafeMutableRawPointer?
  @usableFromInline var capacity = 0
  @usableFromInline var head = 0
  @usableFromInline var tail = 0

  /// The side that takes bytes has found none and wants to be told when some arrive.
  public var consumerSleeps = false
  /// The side that appends wants to be told when bytes were taken.
  public var producerWaits = false

  @inlinable public init() {}

  deinit { free(base) }

  /// Bytes waiting.
  @inlinable public var count: Int { tail &- head }
  @inlinable public var isEmpty: Bool { tail == head }
  /// Bytes of memory held.
  @inlinable public var allocated: Int { capacity }

  /// The waiting bytes; valid until the next mutation.
  @inlinable public var bytes: UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: base.map { UnsafeRawPointer($0 + head) }, count: count)
  }

  /// Room for `count` more bytes at the tail; `commit` what was written there.
  @inlinable public mutating func reserve(_ count: Int) -> UnsafeMutableRawPointer {
    if capacity &- tail < count { grow(count) }
    return base.unsafelyUnwrapped + tail
  }

  @inlinable public mutating func commit(_ count: Int) {
    tail &+= count
  }

  @inlinable public mutating func append(_ bytes: UnsafeRawBufferPointer) {
    guard let start = bytes.baseAddress, bytes.count > 0 else { return }
    reserve(bytes.count).copyMemory(from: start, byteCount: bytes.count)
    tail &+= bytes.count
  }

  /// Forgets the first `count` bytes.
  @inlinable public mutating func consume(_ count: Int) {
    precondition(count >= 0 && count <= self.count, "consumed more than is there")
    head &+= count
    if head == tail {
      head = 0
      tail = 0
    }
  }

  /// Forgets everything; keeps the memory.
  @inlinable public mutating func clear() {
    head = 0
    tail = 0
  }

  /// Gives the memory back when it is larger than `limit` and nothing waits in it.
  @inlinable public mutating func release(above limit: Int) {
    if capacity > limit, isEmpty { reset() }
  }

  /// Gives all memory back.
  @usableFromInline mutating func reset() {
    free(base)
    base = nil
    capacity = 0
    head = 0
    tail = 0
  }

  /// Ends the process when there is no memory, as Swift's own containers do: what a peer can make grow is bounded by windows and message limits.
  @usableFromInline @inline(never) mutating func grow(_ more: Int) {
    let waiting = count
    if head > 0, capacity - waiting >= more, head >= waiting {
      memmove(base!, base! + head, waiting)
    } else {
      let (needed, overflow) = waiting.addingReportingOverflow(more)
      precondition(!overflow && more >= 0, "a queue of \(waiting) bytes cannot grow by \(more)")
      var size = max(capacity, 256)
      while size < needed { size *= 2 }
      if size == capacity {
        memmove(base!, base! + head, waiting)
      } else {
        guard let block = malloc(size) else { fatalError("out of memory: \(size) bytes") }
        if waiting > 0 { memcpy(block, base! + head, waiting) }
        free(base)
        base = block
        capacity = size
      }
    }
    head = 0
    tail = waiting
  }

  /// Appends one gRPC message: flag 0, big-endian length, and the encoded bytes, sized and written in one pass each.
  @inlinable public mutating func append<M: WireMessage>(
    message: borrowing M, sizes: inout WireSizes
  ) {
    sizes.reset()
    let size = message.byteSize(&sizes)
    let start = reserve(size &+ 5)
    start.storeBytes(of: 0, as: UInt8.self)
    (start + 1).storeBytes(of: UInt32(truncatingIfNeeded: size).bigEndian, as: UInt32.self)
    message.encode(
      into: UnsafeMutableRawBufferPointer(start: start + 5, count: size), count: size, sizes: sizes)
    commit(size &+ 5)
  }

  /// Appends one gRPC message that is already encoded.
  @inlinable public mutating func append(
    encoded bytes: UnsafeRawBufferPointer, isCompressed: Bool = false
  ) {
    let start = reserve(bytes.count &+ 5)
    start.storeBytes(of: isCompressed ? 1 : 0, as: UInt8.self)
    (start + 1).storeBytes(of: UInt32(truncatingIfNeeded: bytes.count).bigEndian, as: UInt32.self)
    if let source = bytes.baseAddress, bytes.count > 0 {
      (start + 5).copyMemory(from: source, byteCount: bytes.count)
    }
    commit(bytes.count &+ 5)
  }
}
