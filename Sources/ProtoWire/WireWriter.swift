/// Writes one message into memory of exactly its `byteSize`. Lives on the stack of one encode.
///
/// Numbers trust the computed size (checked in debug builds), strings, bytes and unknown fields are
/// always checked, and `WireMessage.encode` checks the total.
@frozen public struct WireWriter: ~Copyable {
  @usableFromInline var position: UnsafeMutableRawPointer
  @usableFromInline let end: UnsafeMutableRawPointer
  /// The next nested size.
  @usableFromInline var sizes: UnsafePointer<UInt32>?
  /// Map entries are written in key order.
  @usableFromInline let deterministic: Bool

  @inlinable public init(_ buffer: UnsafeMutableRawBufferPointer, sizes: borrowing WireSizes) {
    position = buffer.baseAddress.unsafelyUnwrapped
    end = position + buffer.count
    self.sizes = UnsafePointer(sizes.base)
    deterministic = sizes.deterministic
  }

  /// Bytes that are still to be written.
  @inlinable public var remaining: Int { end - position }

  @inlinable @inline(__always) mutating func store<T: FixedWidthInteger & BitwiseCopyable>(
    _ value: T
  ) {
    assert(MemoryLayout<T>.size <= remaining)
    position.storeBytes(of: value.littleEndian, as: T.self)
    position += MemoryLayout<T>.size
  }

  @inlinable @inline(__always) public mutating func varint(_ value: UInt64) {
    var value = value
    while value >= 0x80 {
      store(UInt8(truncatingIfNeeded: value) | 0x80)
      value &>>= 7
    }
    store(UInt8(truncatingIfNeeded: value))
  }

  /// A field's tag, a constant in generated code: folds into one store for numbers up to 2047.
  @inlinable @inline(__always) public mutating func tag(_ tag: UInt32) {
    if tag < 0x80 {
      store(UInt8(truncatingIfNeeded: tag))
    } else if tag < 0x4000 {
      store(UInt16(truncatingIfNeeded: tag & 0x7f | 0x80 | (tag &>> 7) &<< 8))
    } else {
      varint(UInt64(tag))
    }
  }

  // MARK: Scalars

  @inlinable @inline(__always) public mutating func int32(_ value: Int32) {
    varint(UInt64(bitPattern: Int64(value)))
  }
  @inlinable @inline(__always) public mutating func int64(_ value: Int64) {
    varint(UInt64(bitPattern: value))
  }
  @inlinable @inline(__always) public mutating func uint32(_ value: UInt32) {
    varint(UInt64(value))
  }
  @inlinable @inline(__always) public mutating func uint64(_ value: UInt64) { varint(value) }
  @inlinable @inline(__always) public mutating func sint32(_ value: Int32) {
    varint(UInt64(zigzag(value)))
  }
  @inlinable @inline(__always) public mutating func sint64(_ value: Int64) {
    varint(zigzag(value))
  }
  @inlinable @inline(__always) public mutating func bool(_ value: Bool) {
    store(value ? 1 as UInt8 : 0)
  }
  @inlinable @inline(__always) public mutating func fixed32(_ value: UInt32) { store(value) }
  @inlinable @inline(__always) public mutating func fixed64(_ value: UInt64) { store(value) }
  @inlinable @inline(__always) public mutating func sfixed32(_ value: Int32) { store(value) }
  @inlinable @inline(__always) public mutating func sfixed64(_ value: Int64) { store(value) }
  @inlinable @inline(__always) public mutating func float(_ value: Float) {
    store(value.bitPattern)
  }
  @inlinable @inline(__always) public mutating func double(_ value: Double) {
    store(value.bitPattern)
  }
  @inlinable @inline(__always) public mutating func enumeration<E: ProtoEnum>(_ value: E) {
    int32(value.rawValue)
  }

  // MARK: Strings, bytes, messages

  @inlinable @inline(__always) public mutating func string(_ value: String) {
    varint(UInt64(truncatingIfNeeded: value.utf8.count))
    let done: Void? = value.utf8.withContiguousStorageIfAvailable {
      copy(UnsafeRawBufferPointer($0))
    }
    if done == nil { copySlowly(value) }
  }

  @usableFromInline @inline(never) mutating func copySlowly(_ value: String) {
    for byte in value.utf8 {
      precondition(remaining > 0, "string exceeds the computed size")
      store(byte)
    }
  }

  @inlinable @inline(__always) public mutating func bytes(_ value: [UInt8]) {
    varint(UInt64(truncatingIfNeeded: value.count))
    value.withUnsafeBytes { copy($0) }
  }

  @inlinable @inline(__always) mutating func copy(_ bytes: UnsafeRawBufferPointer) {
    precondition(bytes.count <= remaining, "field exceeds the computed size")
    if let base = bytes.baseAddress { position.copyMemory(from: base, byteCount: bytes.count) }
    position += bytes.count
  }

  /// The size that the first pass computed for the message written next.
  @inlinable @inline(__always) mutating func nextSize() -> UInt64 {
    let next = sizes.unsafelyUnwrapped
    sizes = next + 1
    return UInt64(next.pointee)
  }

  @inlinable @inline(__always) public mutating func nested<M: WireMessage>(_ message: borrowing M) {
    varint(nextSize())
    message.write(to: &self)
  }

  @inlinable @inline(__always) public mutating func unknown(_ fields: borrowing UnknownFields) {
    if let raw = fields.raw { raw.withUnsafeBytes { copy($0) } }
  }
}

@inlinable @inline(__always) func zigzag(_ value: Int32) -> UInt32 {
  UInt32(bitPattern: (value &<< 1) ^ (value &>> 31))
}
@inlinable @inline(__always) func zigzag(_ value: Int64) -> UInt64 {
  UInt64(bitPattern: (value &<< 1) ^ (value &>> 63))
}
/// Bytes of an `int32` or enum: negative numbers are sign-extended to ten.
@inlinable @inline(__always) func int32Size(_ value: Int32) -> Int {
  varintSize(UInt64(bitPattern: Int64(value)))
}
