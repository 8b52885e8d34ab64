extension WireReader {
  /// Skips a field whose tag was just read and keeps its bytes, tag included.
  /// - Parameter start: the reader's `mark` before the tag.
  @inline(never) public mutating func unknown(
    _ tag: UInt32, from start: UnsafeRawPointer, into fields: inout UnknownFields
  ) throws(DecodingError) {
    try skip(tag)
    if options.discardUnknownFields { return }
    fields.append(UnsafeRawBufferPointer(start: start, count: position - start))
  }

  /// Skips the value of a field whose tag was just read. Groups count against the depth limit.
  @inline(never) public mutating func skip(_ tag: UInt32) throws(DecodingError) {
    switch tag & 7 {
    case 0:
      _ = try varint()
    case 1:
      guard end - position >= 8 else { throw .truncated(offset: offset) }
      position += 8
    case 2:
      let count = try length()
      position += count
    case 3:
      guard depthLeft > 0 else { throw .nestingTooDeep(limit: options.depthLimit) }
      depthLeft &-= 1
      while true {
        let inner = try self.tag()
        if inner & 7 == 4 {
          guard inner >> 3 == tag >> 3 else { throw .invalidTag(offset: offset) }
          break
        }
        try skip(inner)
      }
      depthLeft &+= 1
    case 5:
      guard end - position >= 4 else { throw .truncated(offset: offset) }
      position += 4
    default:
      throw .invalidTag(offset: offset)
    }
  }
}
