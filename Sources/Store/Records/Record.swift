/// Writes a value that is stored whole in one BLOB column: a policy, a selector, a verdict.
///
/// First the version of the layout, then its fields in order: integers as zigzag varints, texts with their length in bytes, an
/// optional as 0, or 1 and the value. Deterministic: equal values give equal bytes.
struct RecordWriter {
  private(set) var bytes: [UInt8] = []

  /// Starts a record of a layout.
  init(version: Int64) { add(version) }

  mutating func add(_ value: Int64) {
    var rest = UInt64(bitPattern: (value << 1) ^ (value >> 63))
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(truncatingIfNeeded: rest))
  }

  mutating func add(_ value: Int) { add(Int64(value)) }
  mutating func add(_ value: Int32) { add(Int64(value)) }
  mutating func add(_ value: Bool) { add(value ? 1 : 0 as Int64) }

  mutating func add(_ text: String) {
    add(text.utf8.count)
    bytes.append(contentsOf: text.utf8)
  }

  mutating func add(_ value: Int64?) {
    add(value != nil)
    if let value { add(value) }
  }

  /// A list: its length, then each element as `body` writes it.
  mutating func add<S: Collection>(
    _ elements: S, _ body: (inout RecordWriter, S.Element) -> Void
  ) {
    add(elements.count)
    for element in elements { body(&self, element) }
  }
}

/// Reads what ``RecordWriter`` wrote. Damage is an error, never a trap.
struct RecordReader {
  private let bytes: [UInt8]
  private let what: String
  private var position = 0

  /// The layout of the record.
  private(set) var version: Int64 = 0

  /// Opens a record; fails unless its layout is `version`.
  init(_ bytes: [UInt8], version: Int64, what: String) throws(StoreError) {
    try self.init(bytes, versions: version...version, what: what)
  }

  /// Opens a record of one of several layouts.
  init(_ bytes: [UInt8], versions: ClosedRange<Int64>, what: String) throws(StoreError) {
    self.bytes = bytes
    self.what = what
    version = try int64()
    guard versions.contains(version) else {
      throw .failure(
        "a stored \(what) has layout \(version), this binary reads \(versions.upperBound)")
    }
  }

  mutating func int64() throws(StoreError) -> Int64 {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while true {
      guard position < bytes.count, shift < 64 else { throw damaged("an integer") }
      let byte = bytes[position]
      position += 1
      value |= UInt64(byte & 0x7f) << shift
      if byte < 0x80 { break }
      shift += 7
    }
    return Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1)
  }

  mutating func int() throws(StoreError) -> Int { Int(try int64()) }

  mutating func int32() throws(StoreError) -> Int32 {
    guard let value = Int32(exactly: try int64()) else { throw damaged("a 32-bit integer") }
    return value
  }

  mutating func bool() throws(StoreError) -> Bool { try int64() != 0 }

  mutating func string() throws(StoreError) -> String {
    let count = try int()
    guard count >= 0, count <= bytes.count - position else { throw damaged("a text") }
    defer { position += count }
    return String(decoding: bytes[position..<position + count], as: UTF8.self)
  }

  mutating func int64OrNil() throws(StoreError) -> Int64? { try bool() ? try int64() : nil }

  /// An enumeration stored by its text.
  mutating func raw<E: RawRepresentable<String>>(_ type: E.Type = E.self) throws(StoreError) -> E {
    let text = try string()
    guard let value = E(rawValue: text) else { throw damaged("\(E.self) \"\(text)\"") }
    return value
  }

  mutating func list<T>(
    _ body: (inout RecordReader) throws(StoreError) -> T
  ) throws(StoreError) -> [T] {
    let count = try int()
    // An element takes at least a byte, so a damaged length cannot make us reserve much.
    guard count >= 0, count <= bytes.count - position else { throw damaged("a list") }
    var elements: [T] = []
    elements.reserveCapacity(count)
    for _ in 0..<count { elements.append(try body(&self)) }
    return elements
  }

  func damaged(_ part: String) -> StoreError {
    .failure("a stored \(what) is damaged at byte \(position) of \(bytes.count): \(part)")
  }
}
