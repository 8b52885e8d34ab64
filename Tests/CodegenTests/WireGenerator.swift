import ProtoWire

/// A small random generator with a fixed seed, so that a failure can be run again.
struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var value = state
    value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
    value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
    return value ^ (value >> 31)
  }
}

/// Writes random well-formed messages of a schema: fields in any order, singular ones more than once,
/// repeated numbers packed and not, numbers at the edges of their types.
struct WireGenerator {
  private var messages: [String: DescriptorProto] = [:]
  var random: SplitMix
  /// Adds fields that no schema knows; not to map entries, because codecs differ in what they keep of those.
  var addsUnknownFields = false

  init(files: [FileDescriptor], seed: UInt64) throws {
    random = SplitMix(state: seed)
    for file in files {
      let proto = try file.parsed()
      for message in proto.messageType { add(message, prefix: proto.package + ".") }
    }
  }

  private mutating func add(_ message: DescriptorProto, prefix: String) {
    messages[prefix + message.name] = message
    for nested in message.nestedType { add(nested, prefix: prefix + message.name + ".") }
  }

  mutating func message(_ name: String, depth: Int = 0) -> [UInt8] {
    guard let type = messages[name], !type.field.isEmpty else { return [] }
    var bytes: [UInt8] = []
    for _ in 0..<Int.random(in: 0...(depth == 0 ? 12 : 4), using: &random) {
      guard let field = type.field.randomElement(using: &random) else { break }
      bytes += value(of: field, depth: depth)
    }
    if addsUnknownFields, !type.options.mapEntry, Int.random(in: 0..<4, using: &random) == 0 {
      bytes += varint(5000 << 3 | 2) + [1, 0x2a]
    }
    return bytes
  }

  private mutating func value(of field: FieldDescriptorProto, depth: Int) -> [UInt8] {
    let number = UInt64(field.number)
    switch field.type {
    case .message:
      if depth > 5 { return [] }
      let content = message(String(field.typeName.dropFirst()), depth: depth + 1)
      return varint(number << 3 | 2) + varint(UInt64(content.count)) + content
    case .string:
      let text =
        ["", "a", "grüße", "日本", "long enough to leave the inline form", "\u{0}", "🚀"]
        .randomElement(using: &random) ?? ""
      return varint(number << 3 | 2) + varint(UInt64(text.utf8.count)) + Array(text.utf8)
    case .bytes:
      let content = (0..<Int.random(in: 0...20, using: &random)).map { _ in
        UInt8.random(in: 0...255, using: &random)
      }
      return varint(number << 3 | 2) + varint(UInt64(content.count)) + content
    default:
      if field.label == .repeated, Bool.random(using: &random) {
        let content = (0..<Int.random(in: 0...5, using: &random)).flatMap { _ in
          numberValue(field).bytes
        }
        return varint(number << 3 | 2) + varint(UInt64(content.count)) + content
      }
      let (wireType, bytes) = numberValue(field)
      return varint(number << 3 | wireType) + bytes
    }
  }

  private mutating func numberValue(_ field: FieldDescriptorProto) -> (
    wireType: UInt64, bytes: [UInt8]
  ) {
    let edges: [UInt64] = [
      0, 1, 127, 128, 16383, 16384, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 0x7fff_ffff_ffff_ffff,
      0x8000_0000_0000_0000, .max,
    ]
    let value =
      Bool.random(using: &random) ? edges.randomElement(using: &random) ?? 0 : random.next()
    switch field.type {
    case .fixed32, .sfixed32: return (5, littleEndian(UInt32(truncatingIfNeeded: value)))
    case .fixed64, .sfixed64: return (1, littleEndian(value))
    // Finite numbers: not-a-number has many bit patterns and equals nothing.
    case .float: return (5, littleEndian(Float(Int32(truncatingIfNeeded: value)).bitPattern))
    case .double: return (1, littleEndian(Double(Int64(bitPattern: value)).bitPattern))
    case .bool: return (0, [UInt8(value & 1)])
    case .enum: return (0, varint(UInt64(bitPattern: Int64(Int32(truncatingIfNeeded: value)))))
    case .int32: return (0, varint(UInt64(bitPattern: Int64(Int32(truncatingIfNeeded: value)))))
    case .uint32, .sint32: return (0, varint(value & 0xffff_ffff))
    default: return (0, varint(value))
    }
  }

  private func littleEndian<T: FixedWidthInteger>(_ value: T) -> [UInt8] {
    (0..<T.bitWidth / 8).map { UInt8(truncatingIfNeeded: value >> T($0 * 8)) }
  }

  /// One to four random edits.
  mutating func mutate(_ bytes: [UInt8]) -> [UInt8] {
    var bytes = bytes
    for _ in 0..<Int.random(in: 1...4, using: &random) {
      let index = Int.random(in: 0...bytes.count, using: &random)
      let byte = UInt8.random(in: 0...255, using: &random)
      switch Int.random(in: 0..<5, using: &random) {
      case 0 where index < bytes.count: bytes[index] = byte
      case 1 where index < bytes.count: bytes[index] ^= 1 << (byte & 7)
      case 2 where index < bytes.count: bytes.remove(at: index)
      case 3: bytes.insert(byte, at: index)
      default: bytes = Array(bytes[..<index])
      }
    }
    return bytes
  }
}
