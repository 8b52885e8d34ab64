// One codec for each numeric type of protobuf; all are the same lines around the reader's and writer's
// methods.

public enum WireInt32: WireKeyCodec {
  @inlinable public static var wireType: UInt32 { 0 }
  @inlinable public static var defaultValue: Int32 { 0 }
  @inlinable @inline(__always) public static func read(from reader: inout WireReader)
    throws(DecodingError) -> Int32
  { try reader.int32() }
  @inlinable @inline(__always) public static func size(_ value: Int32, _: inout WireSizes) -> Int {
    int32Size(value)
  }
  @inlinable @inline(__always) public static func write(_ value: Int32, to writer: inout WireWriter)
  {
    writer.int32(value)
  }
  @inlinable public static func precedes(_ left: Int32, _ right: Int32) -> Bool { left < right }
}

public enum WireInt64: WireKeyCodec {
  @inlinable public static var wireType: UInt32 { 0 }
  @inlinable public static var defaultValue: Int64 { 0 }
  @inlinable @inline(__always) public static func read(from reader: inout WireReader)
    throws(DecodingError) -> Int64
  { try reader.int64() }
  @inlinable @inline(__always) public static func size(_ value: Int64, _: inout WireSizes) -> Int {
    varintSize(UInt64(bitPattern: value))
  }
  @inlinable @inline(__always) public static func write(_ value: Int64, to writer: inout WireWriter)
  {
    writer.int64(value)
  }
  @inlinable public static func precedes(_ left: Int64, _ right: Int64) -> Bool { left < right }
}

public enum WireUInt32: WireKeyCodec {
  @inlinable public static var wireType: UInt32 { 0 }
  @inlinable public static var defaultValue: UInt32 { 0 }
  @inlinable @inline(__always) public static func read(from reader: inout WireReader)
    throws(DecodingError) -> UInt32
  { try reader.uint32() }
  @inlinable @inline(__always) public static func size(_ value: UInt32, _: inout WireSizes) -> Int {
    varintSize(UInt64(value))
  }
  @inlinable @inline(__always) public static func write(
    _ value: UInt32, to writer: inout WireWriter
  ) {
    writer.uint32(value)
  }
  @inlinable public static func precedes(_ left: UInt32, _ right: UInt32) -> Bool { left < right }
}

public enum WireUInt64: WireKeyCodec {
  @inlinable public static var wireType: UInt32 { 0 }
  @inlinable public static var defaultValue: UInt64 { 0 }
  @inlinable @inline(__always) public static func read(from reader: inout WireReader)
    throws(DecodingError) -> UInt64
  { try reader.uint64() }
  @inlinable @inline(__always) public static func size(_ value: UInt64, _: inout WireSizes) -> Int {
    varintSize(value)
  }
  @inlinable @inline(__always) public static func write(
    _ value: UInt64, to writer: inout WireWriter
  ) {
    writer.uint64(value)
  }
  @inlinable public static func precedes(_ left: UInt64, _ right: UInt64) -> Bool { left < right }
}

public enum WireSInt32: WireKeyCodec {
  @inlinable public static var wireType: UInt32 { 0 }
  @inlinable public static var defaultValue: Int32 { 0 }
  @inlinable @inline(__always) public static func read(from reader: inout WireReader)
    throws(DecodingError) -> Int32
  { try reader.sint32() }
  @inlinable @inline(__always) public static func size(_ value: Int32, _: inout WireSizes) -> Int {
    varintSize(UInt64(zigzag(value)))
  }
  @inlinable @inline(__always) public static func write(_ value: Int32, to writer: inout WireWriter)
  {
    writer.sint32(value)
  }
  @inlinable public static func precedes(_ left: Int32, _ right: Int32) -> Bool { left < right }
}

public enum WireSInt64: WireKeyCodec {
  @inlinable public static var wireType: UInt32 { 0 }
  @inlinable public static var defaultValue: Int64 { 0 }
  @inlinable @inline(__always) public static func read(from reader: inout WireReader)
    throws(DecodingError) -> Int64
  { try reader.sint64() }
  @inlinable @inline(__always) public static func size(_ value: Int64, _: inout WireSizes) -> Int {
    varintSize(zigzag(value))
  }
  @inlinable @inline(__always) public static func write(_ value: Int64, to writer: inout WireWriter)
  {
    writer.sint64(value)
  }
  @inlinable public static func precedes(_ left: Int64, _ right: Int64) -> Bool { left < right }
}

public enum WireBool: WireKeyCodec {
  @inlinable public static var wireType: UInt32 { 0 }
  @inlinable public static var defaultValue: Bool { false }
  @inlinable @inline(__always) public static func read(from reader: inout WireReader)
    throws(DecodingError) -> Bool
  { try reader.bool() }
  @inlinable @inline(__always) public static func size(_: Bool, _: inout WireSizes) -> Int {
    1
  }
  @inlinable @inline(__always) public static func isDefault(_ value: Bool) -> Bool {
    !value
  }
  @inlinable @inline(__always) public static func write(_ value: Bool, to writer: inout WireWriter)
  {
    writer.bool(value)
  }
  @inlinable public static func precedes(_ left: Bool, _ right: Bool) -> Bool { !left && right }
}

public enum WireFixed32: WireKeyCodec {
  @inlinable public static var wireType: UInt32 { 5 }
  @inlinable public static var fixedSize: Int { 4 }
  @inlinable public static var defaultValue: UInt32 { 0 }
  @inlinable @inline(__always) public static func read(from reader: inout WireReader)
    throws(DecodingError) -> UInt32
  { try reader.fixed32() }
  @inlinable @inline(__always) public static func size(_: UInt32, _: inout WireSizes) -> Int {
    4
  }
  @inlinable @inline(__always) public static func write(
    _ value: UInt32, to writer: inout WireWriter
  ) {
    writer.fixed32(value)
  }
  @inlinable public static func precedes(_ left: UInt32, _ right: UInt32) -> Bool { left < right }
}

public enum WireFixed64: WireKeyCodec {
  @inlinable public static var wireType: UInt32 { 1 }
  @inlinable public static var fixedSize: Int { 8 }
  @inlinable public static var defaultValue: UInt64 { 0 }
  @inlinable @inline(__always) public static func read(from reader: inout WireReader)
    throws(DecodingError) -> UInt64
  { try reader.fixed64() }
  @inlinable @inline(__always) public static func size(_: UInt64, _: inout WireSizes) -> Int {
    8
  }
  @inlinable @inline(__always) public static func write(
    _ value: UInt64, to writer: inout WireWriter
  ) {
    writer.fixed64(value)
  }
  @inlinable public static func precedes(_ left: UInt64, _ right: UInt64) -> Bool { left < right }
}

public enum WireSFixed32: WireKeyCodec {
  @inlinable public static var wireType: UInt32 { 5 }
  @inlinable public static var fixedSize: Int { 4 }
  @inlinable public static var defaultValue: Int32 { 0 }
  @inlinable @inline(__always) public static func read(from reader: inout WireReader)
    throws(DecodingError) -> Int32
  { try reader.sfixed32() }
  @inlinable @inline(__always) public static func size(_: Int32, _: inout WireSizes) -> Int {
    4
  }
  @inlinable @inline(__always) public static func write(_ value: Int32, to writer: inout WireWriter)
  {
    writer.sfixed32(value)
  }
  @inlinable public static func precedes(_ left: Int32, _ right: Int32) -> Bool { left < right }
}

public enum WireSFixed64: WireKeyCodec {
  @inlinable public static var wireType: UInt32 { 1 }
  @inlinable public static var fixedSize: Int { 8 }
  @inlinable public static var defaultValue: Int64 { 0 }
  @inlinable @inline(__always) public static func read(from reader: inout WireReader)
    throws(DecodingError) -> Int64
  { try reader.sfixed64() }
  @inlinable @inline(__always) public static func size(_: Int64, _: inout WireSizes) -> Int {
    8
  }
  @inlinable @inline(__always) public static func write(_ value: Int64, to writer: inout WireWriter)
  {
    writer.sfixed64(value)
  }
  @inlinable public static func precedes(_ left: Int64, _ right: Int64) -> Bool { left < right }
}

public enum WireFloat: WireCodec {
  @inlinable public static var wireType: UInt32 { 5 }
  @inlinable public static var fixedSize: Int { 4 }
  @inlinable public static var defaultValue: Float { 0 }
  @inlinable @inline(__always) public static func read(from reader: inout WireReader)
    throws(DecodingError) -> Float
  { try reader.float() }
  @inlinable @inline(__always) public static func size(_: Float, _: inout WireSizes) -> Int {
    4
  }
  /// Negative zero is another number.
  @inlinable @inline(__always) public static func isDefault(_ value: Float) -> Bool {
    value.bitPattern == 0
  }
  @inlinable @inline(__always) public static func write(_ value: Float, to writer: inout WireWriter)
  {
    writer.float(value)
  }
}

public enum WireDouble: WireCodec {
  @inlinable public static var wireType: UInt32 { 1 }
  @inlinable public static var fixedSize: Int { 8 }
  @inlinable public static var defaultValue: Double { 0 }
  @inlinable @inline(__always) public static func read(from reader: inout WireReader)
    throws(DecodingError) -> Double
  { try reader.double() }
  @inlinable @inline(__always) public static func size(_: Double, _: inout WireSizes) -> Int {
    8
  }
  /// Negative zero is another number.
  @inlinable @inline(__always) public static func isDefault(_ value: Double) -> Bool {
    value.bitPattern == 0
  }
  @inlinable @inline(__always) public static func write(
    _ value: Double, to writer: inout WireWriter
  ) {
    writer.double(value)
  }
}
