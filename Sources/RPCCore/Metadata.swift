internal import ProtoWire

/// What travels with a call beside its messages: an ordered multimap of names and values.
///
/// Names are lower case ASCII and compared without regard to case. A name ending in `-bin` holds bytes, every other printable ASCII.
/// The entries live in one flat block in their wire form, so a server keeps the header block it received and nothing becomes a `String` before somebody asks.
public struct Metadata: Sendable, Hashable {
  /// Why an entry was refused.
  public enum Problem: Error, Sendable, Hashable {
    /// The name is empty, reserved (`grpc-…`, `:…`) or has a byte that HTTP/2 does not allow in a name.
    case name(String)
    /// The value has a byte outside 0x20...0x7E. Text beyond ASCII belongs into a `-bin` entry.
    case value(name: String, byte: UInt8)
  }

  /// A field block; `-bin` values in base64.
  @usableFromInline var block: [UInt8] = []

  /// The entries in their wire form: see `FieldIterator`.
  public var rawBlock: [UInt8] { block }

  @inlinable public init() {}

  @inlinable public var isEmpty: Bool { block.isEmpty }

  /// Bytes of memory that the entries take.
  public var byteCount: Int { block.count }

  /// How many entries there are.
  public var count: Int {
    var count = 0
    forEachEntry { _, _ in count += 1 }
    return count
  }

  // MARK: Reading

  /// The first value of an ASCII entry, or the joined base64 text of a `-bin` one.
  public subscript(name: String) -> String? {
    firstValue(name) { String(decoding: $0, as: UTF8.self) }
  }

  /// All ASCII values of a name, in order.
  public subscript(all name: String) -> [String] {
    var values: [String] = []
    forEachEntry { entry, value in
      if Metadata.matches(entry, name) { values.append(String(decoding: value, as: UTF8.self)) }
    }
    return values
  }

  /// The first value of a `-bin` entry; nil when there is none or it is not base64.
  public subscript(binary name: String) -> [UInt8]? { self[allBinary: name].first }

  /// All values of a `-bin` name, in order. A value that joins several with commas counts as several; what is not base64 is left out.
  public subscript(allBinary name: String) -> [[UInt8]] {
    var values: [[UInt8]] = []
    forEachEntry { entry, value in
      guard Metadata.matches(entry, name) else { return }
      for part in value.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false) {
        let trimmed = part.drop { $0 == 0x20 }
        if let bytes = Base64.decode(trimmed) { values.append(bytes) }
      }
    }
    return values
  }

  /// Calls `body` with the bytes of the first entry of `name`, without making a `String`; nil when there is none.
  public func firstValue<R>(_ name: String, _ body: (UnsafeRawBufferPointer) throws -> R) rethrows
    -> R?
  {
    try block.withUnsafeBytes { bytes in
      var fields = FieldIterator(bytes)
      while let field = fields.next() {
        if Metadata.matches(field.name, name) { return try body(field.value) }
      }
      return nil
    }
  }

  /// Every entry in its wire form, in order: what a transport copies into a header block.
  @inlinable public func forEachEntry(
    _ body: (_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) throws -> Void
  ) rethrows {
    try block.withUnsafeBytes { bytes in
      var fields = FieldIterator(bytes)
      while let field = fields.next() { try body(field.name, field.value) }
    }
  }

  // MARK: Writing

  /// Adds a value; the ones that are there stay. For a `-bin` name `value` is sent as its UTF-8 bytes.
  public mutating func add(_ value: String, for name: String) throws(Problem) {
    if name.utf8.hasBinarySuffix {
      try add(binary: Array(value.utf8), for: name)
      return
    }
    let name = try Metadata.normalized(name)
    for byte in value.utf8 where byte < 0x20 || byte > 0x7e {
      throw .value(name: name, byte: byte)
    }
    append(Array(name.utf8), Array(value.utf8))
  }

  /// Adds bytes under a name that ends in `-bin`.
  public mutating func add(binary value: [UInt8], for name: String) throws(Problem) {
    guard name.utf8.hasBinarySuffix else { throw .name(name) }
    let name = try Metadata.normalized(name)
    append(Array(name.utf8), Base64.encode(value))
  }

  /// Replaces all values of a name by one.
  public mutating func set(_ value: String, for name: String) throws(Problem) {
    remove(name)
    try add(value, for: name)
  }

  /// Removes all values of a name.
  public mutating func remove(_ name: String) {
    var kept = Metadata()
    forEachEntry { entry, value in
      if !Metadata.matches(entry, name) { kept.append(entry, value) }
    }
    self = kept
  }

  /// Adds all entries of `other`.
  public mutating func add(contentsOf other: Metadata) {
    block.append(contentsOf: other.block)
  }

  /// Adds an entry in its wire form, unchecked: for headers that an HTTP/2 library has already validated.
  @inlinable public mutating func append(
    _ name: some Collection<UInt8>, _ value: some Collection<UInt8>
  ) {
    let names = UInt16(truncatingIfNeeded: name.count)
    let values = UInt32(truncatingIfNeeded: value.count)
    withUnsafeBytes(of: names) { block.append(contentsOf: $0) }
    withUnsafeBytes(of: values) { block.append(contentsOf: $0) }
    block.append(contentsOf: name)
    block.append(contentsOf: value)
  }

  /// Takes a block written by a header recorder: entries as `forEachEntry` reads them.
  @inlinable public init(block: UnsafeRawBufferPointer) {
    if !block.isEmpty { self.block = [UInt8](block) }
  }

  // MARK: Inside

  private static func matches(_ entry: UnsafeRawBufferPointer, _ name: String) -> Bool {
    guard entry.count == name.utf8.count else { return false }
    var index = 0
    for byte in name.utf8 {
      if entry[index] != byte.lowercased { return false }
      index += 1
    }
    return true
  }

  private static func normalized(_ name: String) throws(Problem) -> String {
    let bytes = name.utf8.map(\.lowercased)
    for byte in bytes {
      switch byte {
      case 0x61...0x7a, 0x30...0x39, 0x2d, 0x2e, 0x5f: continue
      default: throw .name(name)
      }
    }
    guard !bytes.isEmpty, bytes.count < 1 << 16, !bytes.starts(with: "grpc-".utf8) else {
      throw .name(name)
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}

extension Metadata: Sequence {
  /// One entry, read.
  public struct Element: Sendable, Hashable {
    public var name: String
    public var value: Content
  }

  /// Text, or bytes for a name ending in `-bin`.
  public enum Content: Sendable, Hashable {
    case ascii(String)
    case binary([UInt8])
  }

  public func makeIterator() -> IndexingIterator<[Element]> {
    var elements: [Element] = []
    forEachEntry { name, value in
      let text = String(decoding: name, as: UTF8.self)
      if text.utf8.hasBinarySuffix {
        for part in value.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false) {
          guard let bytes = Base64.decode(part.drop { $0 == 0x20 }) else { continue }
          elements.append(Element(name: text, value: .binary(bytes)))
        }
      } else {
        let value = String(decoding: value, as: UTF8.self)
        elements.append(Element(name: text, value: .ascii(value)))
      }
    }
    return elements.makeIterator()
  }
}

extension Metadata: ExpressibleByDictionaryLiteral {
  /// Entries written in source code. Traps on a name or value that `add` would refuse; use `add` for what is not a literal.
  public init(dictionaryLiteral elements: (String, String)...) {
    for (name, value) in elements {
      do {
        try add(value, for: name)
      } catch {
        preconditionFailure("metadata literal \(name): \(error)")
      }
    }
  }
}

extension Metadata: CustomStringConvertible {
  public var description: String {
    "[" + map { "\($0.name): \($0.value)" }.joined(separator: ", ") + "]"
  }
}

extension Metadata.Problem: CustomStringConvertible {
  public var description: String {
    switch self {
    case .name(let name): "metadata name \"\(name)\" is not allowed"
    case .value(let name, let byte):
      "metadata \(name) has byte \(byte), outside 32...126"
    }
  }
}

extension UInt8 {
  var lowercased: UInt8 { self >= 0x41 && self <= 0x5a ? self | 0x20 : self }
}

extension String.UTF8View {
  var hasBinarySuffix: Bool {
    count > 4 && suffix(4).elementsEqual("-bin".utf8) { $0.lowercased == $1 }
  }
}
