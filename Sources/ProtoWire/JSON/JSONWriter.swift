/// Writes one JSON text into a byte buffer that grows.
///
/// Lives on the stack of one encode. A raw buffer, because appending to an array checks for
/// uniqueness and capacity once per token.
public struct JSONWriter: ~Copyable {
  private(set) var buffer: UnsafeMutablePointer<UInt8>
  private(set) var count = 0
  private var capacity: Int
  /// Open brackets, for the indentation.
  private var depth = 0
  /// Messages that may still nest in the one being written.
  private var depthLeft: Int
  /// `google.protobuf.Any`s that may still nest in the one being written.
  private var anysLeft = JSONReader.anyLimit
  /// A value stands before the next one at this level: a comma is due.
  private var commaDue = false
  /// How the message is written.
  public let options: JSONEncodingOptions
  /// Fields without presence are written even when they hold their default.
  @usableFromInline let printsDefaults: Bool
  private let usesProtoNames: Bool
  private let isPretty: Bool
  /// The type URL that the next object begins with: it is the content of a `google.protobuf.Any`.
  var pendingType: String?

  init(options: JSONEncodingOptions) {
    self.options = options
    printsDefaults = options.alwaysPrintFieldsWithNoPresence
    usesProtoNames = options.preserveProtoFieldNames
    isPretty = options.pretty
    depthLeft = options.depthLimit + 1
    capacity = 256
    buffer = .allocate(capacity: capacity)
  }

  deinit { buffer.deallocate() }

  /// The text so far.
  var text: UnsafeBufferPointer<UInt8> { UnsafeBufferPointer(start: buffer, count: count) }

  // MARK: Bytes

  @inline(__always) mutating func reserve(_ more: Int) {
    if capacity - count < more { grow(more) }
  }

  @inline(never) private mutating func grow(_ more: Int) {
    capacity = max(capacity * 2, count + more)
    let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity)
    larger.moveInitialize(from: buffer, count: count)
    buffer.deallocate()
    buffer = larger
  }

  @inline(__always) mutating func put(_ byte: UInt8) {
    reserve(1)
    buffer[count] = byte
    count &+= 1
  }

  @inline(__always) mutating func put(_ bytes: UnsafePointer<UInt8>, _ length: Int) {
    reserve(length)
    (buffer + count).update(from: bytes, count: length)
    count &+= length
  }

  mutating func put(_ text: StaticString) { put(text.utf8Start, text.utf8CodeUnitCount) }

  /// ASCII that needs no escape: numbers.
  mutating func put(ascii text: String) {
    var text = text
    text.withUTF8 { bytes in
      if let start = bytes.baseAddress { put(start, bytes.count) }
    }
  }

  /// Room for `length` bytes that the caller fills in.
  mutating func extend(_ length: Int) -> UnsafeMutablePointer<UInt8> {
    reserve(length)
    defer { count &+= length }
    return buffer + count
  }

  /// Moves the end of the text after bytes were stored there, or back.
  mutating func advance(_ length: Int) { count &+= length }

  // MARK: Structure

  private mutating func newline() {
    put(UInt8(ascii: "\n"))
    for _ in 0..<depth { put("  ") }
  }

  /// What separates a value from the one before it.
  @inline(__always) private mutating func separate() {
    if commaDue { put(UInt8(ascii: ",")) }
    if isPretty { newline() }
    commaDue = true
  }

  /// Begins a message; `leave` ends it. Lists and maps are no levels, as in the binary form.
  mutating func enter() throws(JSONEncodingError) {
    guard depthLeft > 0 else { throw .tooDeep(limit: options.depthLimit) }
    depthLeft &-= 1
  }

  mutating func leave() { depthLeft &+= 1 }

  /// As `enter`, for a `google.protobuf.Any`, each level of which decodes what is in it once more.
  mutating func enterAny() throws(JSONEncodingError) {
    guard anysLeft > 0 else { throw .tooDeep(limit: JSONReader.anyLimit) }
    anysLeft &-= 1
  }

  mutating func leaveAny() { anysLeft &+= 1 }

  private mutating func open(_ bracket: UInt8) {
    put(bracket)
    depth &+= 1
    commaDue = false
  }

  private mutating func close(_ bracket: UInt8) {
    depth &-= 1
    if isPretty, commaDue { newline() }
    put(bracket)
    commaDue = true
  }

  /// Opens the object of a message.
  /// - Throws: `.tooDeep`.
  public mutating func beginObject() throws(JSONEncodingError) {
    try enter()
    open(UInt8(ascii: "{"))
    if let type = pendingType {
      pendingType = nil
      name("@type")
      string(type)
    }
  }

  public mutating func endObject() {
    close(UInt8(ascii: "}"))
    leave()
  }

  @usableFromInline mutating func beginMap() { open(UInt8(ascii: "{")) }
  @usableFromInline mutating func endMap() { close(UInt8(ascii: "}")) }

  @usableFromInline mutating func beginList() { open(UInt8(ascii: "[")) }
  @usableFromInline mutating func endList() { close(UInt8(ascii: "]")) }

  /// To be called before each element of a list.
  @usableFromInline mutating func element() { separate() }

  /// To be called before each key of a map.
  @usableFromInline mutating func key() { separate() }

  @usableFromInline mutating func colon() {
    put(UInt8(ascii: ":"))
    if isPretty { put(UInt8(ascii: " ")) }
  }

  /// Writes the name of a field. The generator has escaped both where that is needed.
  @usableFromInline mutating func name(_ jsonName: StaticString, _ protoName: StaticString? = nil) {
    separate()
    let name = usesProtoNames ? protoName ?? jsonName : jsonName
    let length = name.utf8CodeUnitCount
    reserve(length + 4)
    buffer[count] = UInt8(ascii: "\"")
    (buffer + count + 1).update(from: name.utf8Start, count: length)
    buffer[count + 1 + length] = UInt8(ascii: "\"")
    count &+= length + 2
    colon()
  }
}
