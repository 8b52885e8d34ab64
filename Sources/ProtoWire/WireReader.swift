/// Reads one message from contiguous bytes. Lives on the stack of one decode; nothing outlives it.
///
/// Every read is bounds-checked and throws instead of trapping. Lengths are compared in unsigned
/// arithmetic against what is left, so no claim overflows or allocates.
@frozen public struct WireReader: ~Copyable {
  @usableFromInline var position: UnsafeRawPointer
  /// End of the message being read; sub-messages narrow it.
  @usableFromInline var end: UnsafeRawPointer
  @usableFromInline let start: UnsafeRawPointer
  @usableFromInline var depthLeft: Int
  @usableFromInline var budgetLeft: Int
  @usableFromInline let options: DecodingOptions
  /// What `budgetLeft` began with.
  @usableFromInline let budget: Int

  @inlinable public init(_ bytes: UnsafeRawBufferPointer, options: DecodingOptions = .init()) {
    // An empty buffer may have no address; a non-null dangling one is never dereferenced.
    let base = bytes.baseAddress ?? UnsafeRawPointer(bitPattern: 8).unsafelyUnwrapped
    start = base
    position = base
    end = base + bytes.count
    depthLeft = options.depthLimit
    budget = options.allocationBudget(forByteCount: bytes.count)
    budgetLeft = budget
    self.options = options
  }

  /// Whether the current message has ended.
  @inlinable public var atEnd: Bool { @inline(__always) get { position >= end } }
  /// Where the next field starts; see `unknown(_:from:into:)`.
  @inlinable public var mark: UnsafeRawPointer { @inline(__always) get { position } }
  @inlinable var offset: Int { position - start }

  // MARK: Varints and tags

  @inlinable @inline(__always) public mutating func varint() throws(DecodingError) -> UInt64 {
    guard position < end else { throw .truncated(offset: offset) }
    let byte = position.load(as: UInt8.self)
    if byte < 0x80 {
      position += 1
      return UInt64(byte)
    }
    return try longVarint()
  }

  /// A varint of at least two bytes.
  @usableFromInline @inline(never) mutating func longVarint() throws(DecodingError) -> UInt64 {
    let available = end - position
    if available >= 8 {  // up to eight bytes at once: find the last one, then close the gaps
      var word = UInt64(littleEndian: position.loadUnaligned(as: UInt64.self))
      let last = ~word & 0x8080_8080_8080_8080
      if last != 0 {
        word &= last ^ (last &- 1)
        word &= 0x7f7f_7f7f_7f7f_7f7f
        word = word & 0x007f_007f_007f_007f | (word & 0x7f00_7f00_7f00_7f00) &>> 1
        word = word & 0x0000_3fff_0000_3fff | (word & 0x3fff_0000_3fff_0000) &>> 2
        word = word & 0x0fff_ffff | (word & 0x0fff_ffff_0000_0000) &>> 4
        position += (last.trailingZeroBitCount &+ 1) / 8
        return word
      }
    }
    var value: UInt64 = 0
    var shift: UInt64 = 0
    var index = 0
    let limit = min(available, 10)
    while index < limit {
      let byte = position.load(fromByteOffset: index, as: UInt8.self)
      value |= UInt64(byte & 0x7f) &<< shift
      index &+= 1
      if byte < 0x80 {
        position += index
        return value
      }
      shift &+= 7
    }
    throw available < 10 ? .truncated(offset: offset) : .malformedVarint(offset: offset)
  }

  /// The next field's tag: field number × 8 + wire type. Call only when not `atEnd`.
  @inlinable @inline(__always) public mutating func tag() throws(DecodingError) -> UInt32 {
    guard position < end else { throw .truncated(offset: offset) }
    let byte = position.load(as: UInt8.self)
    if byte < 0x80 {
      guard byte >= 8 else { throw .invalidTag(offset: offset) }
      position += 1
      return UInt32(byte)
    }
    if end - position >= 2 {  // fields 16...2047
      let second = position.load(fromByteOffset: 1, as: UInt8.self)
      if second < 0x80, second > 0 {
        position += 2
        return UInt32(byte & 0x7f) | UInt32(second) &<< 7
      }
    }
    return try longTag()
  }

  @usableFromInline @inline(never) mutating func longTag() throws(DecodingError) -> UInt32 {
    let value = try longVarint()
    guard value >= 8, value <= UInt64(UInt32.max) else { throw .invalidTag(offset: offset) }
    return UInt32(truncatingIfNeeded: value)
  }

  /// A length prefix that is known to fit into what is left.
  @inlinable @inline(__always) public mutating func length() throws(DecodingError) -> Int {
    let value = try varint()
    guard value <= UInt64(UInt(bitPattern: end - position)) else {
      throw .truncated(offset: offset)
    }
    return Int(truncatingIfNeeded: value)
  }

  // MARK: Scalars

  @inlinable @inline(__always) public mutating func int32() throws(DecodingError) -> Int32 {
    Int32(truncatingIfNeeded: try varint())
  }
  @inlinable @inline(__always) public mutating func int64() throws(DecodingError) -> Int64 {
    Int64(bitPattern: try varint())
  }
  @inlinable @inline(__always) public mutating func uint32() throws(DecodingError) -> UInt32 {
    UInt32(truncatingIfNeeded: try varint())
  }
  @inlinable @inline(__always) public mutating func uint64() throws(DecodingError) -> UInt64 {
    try varint()
  }
  @inlinable @inline(__always) public mutating func sint32() throws(DecodingError) -> Int32 {
    let value = UInt32(truncatingIfNeeded: try varint())
    return Int32(bitPattern: value &>> 1) ^ (0 &- Int32(bitPattern: value & 1))
  }
  @inlinable @inline(__always) public mutating func sint64() throws(DecodingError) -> Int64 {
    let value = try varint()
    return Int64(bitPattern: value &>> 1) ^ (0 &- Int64(bitPattern: value & 1))
  }
  @inlinable @inline(__always) public mutating func bool() throws(DecodingError) -> Bool {
    try varint() != 0
  }
  @inlinable @inline(__always) public mutating func fixed32() throws(DecodingError) -> UInt32 {
    guard end - position >= 4 else { throw .truncated(offset: offset) }
    let value = position.loadUnaligned(as: UInt32.self)
    position += 4
    return UInt32(littleEndian: value)
  }
  @inlinable @inline(__always) public mutating func fixed64() throws(DecodingError) -> UInt64 {
    guard end - position >= 8 else { throw .truncated(offset: offset) }
    let value = position.loadUnaligned(as: UInt64.self)
    position += 8
    return UInt64(littleEndian: value)
  }
  @inlinable @inline(__always) public mutating func sfixed32() throws(DecodingError) -> Int32 {
    Int32(bitPattern: try fixed32())
  }
  @inlinable @inline(__always) public mutating func sfixed64() throws(DecodingError) -> Int64 {
    Int64(bitPattern: try fixed64())
  }
  @inlinable @inline(__always) public mutating func float() throws(DecodingError) -> Float {
    Float(bitPattern: try fixed32())
  }
  @inlinable @inline(__always) public mutating func double() throws(DecodingError) -> Double {
    Double(bitPattern: try fixed64())
  }
  @inlinable @inline(__always) public mutating func enumeration<E: ProtoEnum>()
    throws(DecodingError) -> E
  {
    E(rawValue: try int32())
  }

  // MARK: Strings and bytes

  @inlinable public mutating func string() throws(DecodingError) -> String {
    let count = try length()
    let bytes = UnsafeBufferPointer(
      start: position.assumingMemoryBound(to: UInt8.self), count: count)
    if isASCII(count) {
      position += count
      return String(copying: UTF8Span(unchecked: bytes.span, isKnownASCII: true))
    }
    // `String(validating:as:)` is not specialised and costs about 35 ns more.
    guard let text = try? UTF8Span(validating: bytes.span) else {
      throw .invalidUTF8(offset: offset)
    }
    if CombiningMarks.exceed(options.combiningMarkLimit, in: bytes) {
      throw .tooManyCombiningMarks(limit: options.combiningMarkLimit, offset: offset)
    }
    position += count
    return String(copying: text)
  }

  /// Whether the next `count` bytes, which are there, are ASCII: most strings are, and need no other validation.
  @inlinable @inline(__always) func isASCII(_ count: Int) -> Bool {
    var seen: UInt64 = 0
    var index = 0
    while index &+ 8 <= count {
      seen |= position.loadUnaligned(fromByteOffset: index, as: UInt64.self)
      index &+= 8
    }
    while index < count {
      seen |= UInt64(position.load(fromByteOffset: index, as: UInt8.self))
      index &+= 1
    }
    return seen & 0x8080_8080_8080_8080 == 0
  }

  @inlinable public mutating func bytes() throws(DecodingError) -> [UInt8] {
    let count = try length()
    let bytes = [UInt8](UnsafeRawBufferPointer(start: position, count: count))
    position += count
    return bytes
  }

  // MARK: Messages

  /// Takes bytes of memory out of this message's budget.
  @inlinable @inline(__always) public mutating func charge(_ bytes: Int) throws(DecodingError) {
    budgetLeft &-= bytes
    guard budgetLeft >= 0 else { throw budgetExceeded() }
  }

  @usableFromInline @inline(never) func budgetExceeded() -> DecodingError {
    .allocationBudgetExceeded(limit: budget)
  }

  /// Narrows the reader to a length-delimited region and returns the outer end for `leave`.
  @inlinable @inline(__always) public mutating func enter() throws(DecodingError)
    -> UnsafeRawPointer
  {
    let count = try length()
    guard depthLeft > 0 else { throw .nestingTooDeep(limit: options.depthLimit) }
    depthLeft &-= 1
    let outer = end
    end = position + count
    return outer
  }

  @inlinable @inline(__always) public mutating func leave(_ outer: UnsafeRawPointer) {
    end = outer
    depthLeft &+= 1
  }

  /// Merges a length-delimited sub-message in place.
  @inlinable @inline(__always) public mutating func message<M: WireDecodable>(_ message: inout M)
    throws(DecodingError)
  {
    let outer = try enter()
    try message.merge(from: &self)
    leave(outer)
  }

  /// Merges into a field with presence without copying what is there.
  @inlinable @inline(__always) public mutating func message<M: WireDecodable>(_ field: inout M?)
    throws(DecodingError)
  {
    var value = field.take() ?? M()
    try message(&value)
    field = value
  }

  /// Appends a length-delimited message to a repeated field, without looking ahead.
  @inlinable public mutating func appendMessage<M: WireDecodable>(to array: inout [M])
    throws(DecodingError)
  {
    try charge(MemoryLayout<M>.stride)
    var value = M()
    try message(&value)
    array.append(value)
  }
}
