/// How one protobuf field type reads, sizes and writes a value: the parameter of the generic repeated
/// and map code. All requirements inline to the reader's and writer's own methods.
public protocol WireCodec {
  associatedtype Value: Hashable & Sendable
  /// 0 varint, 1 eight bytes, 2 length-delimited, 5 four bytes.
  static var wireType: UInt32 { get }
  /// Bytes of every value, or 0 when they vary.
  static var fixedSize: Int { get }
  /// Memory that one element takes out of the allocation budget.
  static var charge: Int { get }
  /// A missing map key or value.
  static var defaultValue: Value { get }
  /// Whether a field without presence leaves the value out.
  static func isDefault(_ value: Value) -> Bool
  static func read(from reader: inout WireReader) throws(DecodingError) -> Value
  /// Reads a value where one was read before: messages merge, the last of anything else wins.
  static func merge(into value: inout Value, from reader: inout WireReader) throws(DecodingError)
  /// Bytes on the wire without the tag; a length prefix is included.
  static func size(_ value: Value, _ sizes: inout WireSizes) -> Int
  static func write(_ value: Value, to writer: inout WireWriter)
  /// The sum of the sizes of a list's elements.
  static func size(all values: [Value], _ sizes: inout WireSizes) -> Int
  /// Writes each element of a list behind the same tag.
  static func write(all values: [Value], tag: UInt32, to writer: inout WireWriter)
}

extension WireCodec {
  @inlinable @inline(__always) public static func merge(
    into value: inout Value, from reader: inout WireReader
  ) throws(DecodingError) {
    value = try read(from: &reader)
  }

  @inlinable @inline(__always) public static func size(
    all values: [Value], _ sizes: inout WireSizes
  )
    -> Int
  {
    if fixedSize > 0 { return values.count &* fixedSize }
    var total = 0
    for value in values { total &+= size(value, &sizes) }
    return total
  }

  @inlinable @inline(__always) public static func write(
    all values: [Value], tag: UInt32, to writer: inout WireWriter
  ) {
    for value in values {
      writer.tag(tag)
      write(value, to: &writer)
    }
  }

  @inlinable public static var fixedSize: Int { 0 }
  @inlinable public static var charge: Int { 0 }
}

extension WireCodec where Value: FixedWidthInteger {
  @inlinable @inline(__always) public static func isDefault(_ value: Value) -> Bool { value == 0 }
}

/// A field type that may be a map's key.
public protocol WireKeyCodec: WireCodec {
  /// The order of deterministic encoding.
  static func precedes(_ left: Value, _ right: Value) -> Bool
}

public enum WireString: WireKeyCodec {
  @inlinable public static var wireType: UInt32 { 2 }
  @inlinable public static var defaultValue: String { "" }
  @inlinable @inline(__always) public static func read(from reader: inout WireReader)
    throws(DecodingError) -> String
  { try reader.string() }
  @inlinable @inline(__always) public static func size(_ value: String, _: inout WireSizes) -> Int {
    delimitedSize(value.utf8.count)
  }
  @inlinable @inline(__always) public static func isDefault(_ value: String) -> Bool {
    value.isEmpty
  }
  @inlinable @inline(__always) public static func write(
    _ value: String, to writer: inout WireWriter
  ) { writer.string(value) }
  /// Byte order, as other languages sort.
  @inlinable public static func precedes(_ left: String, _ right: String) -> Bool {
    left.utf8.lexicographicallyPrecedes(right.utf8)
  }
}

public enum WireBytes: WireCodec {
  @inlinable public static var wireType: UInt32 { 2 }
  @inlinable public static var defaultValue: [UInt8] { [] }
  @inlinable @inline(__always) public static func read(from reader: inout WireReader)
    throws(DecodingError) -> [UInt8]
  { try reader.bytes() }
  @inlinable @inline(__always) public static func size(_ value: [UInt8], _: inout WireSizes) -> Int
  {
    delimitedSize(value.count)
  }
  @inlinable @inline(__always) public static func isDefault(_ value: [UInt8]) -> Bool {
    value.isEmpty
  }
  @inlinable @inline(__always) public static func write(
    _ value: [UInt8], to writer: inout WireWriter
  ) { writer.bytes(value) }
}

public enum WireEnum<E: ProtoEnum>: WireCodec {
  @inlinable public static var wireType: UInt32 { 0 }
  @inlinable public static var defaultValue: E { E() }
  @inlinable @inline(__always) public static func read(from reader: inout WireReader)
    throws(DecodingError) -> E
  { try reader.enumeration() }
  @inlinable @inline(__always) public static func size(_ value: E, _: inout WireSizes) -> Int {
    int32Size(value.rawValue)
  }
  @inlinable @inline(__always) public static func isDefault(_ value: E) -> Bool {
    value.rawValue == 0
  }
  @inlinable @inline(__always) public static func write(_ value: E, to writer: inout WireWriter) {
    writer.int32(value.rawValue)
  }
}

public enum WireSubmessage<M: WireMessage>: WireCodec {
  @inlinable public static var wireType: UInt32 { 2 }
  @inlinable public static var charge: Int { MemoryLayout<M>.stride }
  @inlinable public static var defaultValue: M { M() }
  @inlinable @inline(__always) public static func read(from reader: inout WireReader)
    throws(DecodingError) -> M
  {
    var message = M()
    try reader.message(&message)
    return message
  }
  @inlinable @inline(__always) public static func merge(
    into value: inout M, from reader: inout WireReader
  ) throws(DecodingError) { try reader.message(&value) }
  @inlinable @inline(__always) public static func size(_ value: M, _ sizes: inout WireSizes) -> Int
  {
    sizes.nested(value)
  }
  /// A message has presence: one that is there is written.
  @inlinable @inline(__always) public static func isDefault(_: M) -> Bool { false }
  @inlinable @inline(__always) public static func write(_ value: M, to writer: inout WireWriter) {
    writer.nested(value)
  }

  // Lists of messages are walked where they stand: iterating an array copies each element out of it.

  @inlinable public static func size(all values: [M], _ sizes: inout WireSizes) -> Int {
    if values.isEmpty { return 0 }
    let elements = BorrowedMessage.elements(of: values)
    var total = 0
    for index in 0..<values.count {
      let slot = sizes.slot()
      let size = elements[index].byteSize(&sizes)
      sizes.fill(slot, size)
      total &+= delimitedSize(size)
    }
    return total
  }

  @inlinable public static func write(all values: [M], tag: UInt32, to writer: inout WireWriter) {
    if values.isEmpty { return }
    let elements = BorrowedMessage.elements(of: values)
    for index in 0..<values.count {
      writer.tag(tag)
      writer.varint(writer.nextSize())
      elements[index].write(to: &writer)
    }
  }
}
