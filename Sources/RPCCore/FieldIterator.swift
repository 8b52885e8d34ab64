/// Walks a field block: header fields in flat bytes, in order.
///
/// Each field is `[UInt16 name length][UInt32 value length][name][value]` in native byte order. Recorders of header blocks write it, `Metadata` keeps it.
public struct FieldIterator {
  /// Bytes in front of a field's name.
  public static let prefixSize = 6

  @usableFromInline let bytes: UnsafeRawBufferPointer
  @usableFromInline var offset = 0

  @inlinable public init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  /// The next field; its bytes lie in the block.
  @inlinable public mutating func next() -> (
    name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer
  )? {
    guard offset &+ FieldIterator.prefixSize <= bytes.count else { return nil }
    let names = Int(bytes.loadUnaligned(fromByteOffset: offset, as: UInt16.self))
    let values = Int(bytes.loadUnaligned(fromByteOffset: offset &+ 2, as: UInt32.self))
    let start = offset &+ FieldIterator.prefixSize
    let end = start &+ names &+ values
    guard end <= bytes.count else { return nil }
    offset = end
    return (
      UnsafeRawBufferPointer(rebasing: bytes[start..<start &+ names]),
      UnsafeRawBufferPointer(rebasing: bytes[start &+ names..<end])
    )
  }
}

extension ByteQueue {
  /// Appends one field of a field block. Names beyond 64 KiB do not fit; callers bound them long before.
  @inlinable public mutating func append(
    name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer
  ) {
    precondition(name.count <= Int(UInt16.max) && value.count <= Int(UInt32.max))
    let size = FieldIterator.prefixSize &+ name.count &+ value.count
    let start = reserve(size)
    start.storeBytes(of: UInt16(truncatingIfNeeded: name.count), as: UInt16.self)
    (start + 2).storeBytes(of: UInt32(truncatingIfNeeded: value.count), as: UInt32.self)
    if let source = name.baseAddress, name.count > 0 {
      (start + 6).copyMemory(from: source, byteCount: name.count)
    }
    if let source = value.baseAddress, value.count > 0 {
      (start + 6 + name.count).copyMemory(from: source, byteCount: value.count)
    }
    commit(size)
  }

  /// Appends one field of a field block.
  public mutating func append(name: StaticString, value: [UInt8]) {
    value.withUnsafeBytes {
      append(
        name: UnsafeRawBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount),
        value: $0)
    }
  }
}
