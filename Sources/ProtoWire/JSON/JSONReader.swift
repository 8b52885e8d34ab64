/// A strict, streaming reader of one JSON text (RFC 8259) for messages: no document tree is built.
///
/// Lives on the stack of one decode. The bytes are checked to be UTF-8 once, up front; after that
/// every read is bounds-checked and throws instead of trapping. Raw pointers, because a tokenizer
/// over `[UInt8]` spends more time in bounds and reference counts than in JSON; nothing outlives
/// the buffer.
public struct JSONReader: ~Copyable {
  let start: UnsafePointer<UInt8>
  let end: UnsafePointer<UInt8>
  var position: UnsafePointer<UInt8>
  var depthLeft: Int
  @usableFromInline var budgetLeft: Int
  /// How the text is read.
  public let options: JSONDecodingOptions
  /// Where an object starts whose `@type` belongs to `google.protobuf.Any` and is skipped.
  var typedObject: UnsafePointer<UInt8>?
  /// The last string with escapes, decoded. Kept for reuse.
  var scratch: UnsafeMutablePointer<UInt8>?
  var scratchCapacity = 0

  /// - Parameter isValidUTF8: the caller knows it already, because the bytes come from a `String`.
  /// - Throws: `.invalidUTF8`.
  init(
    _ text: UnsafeBufferPointer<UInt8>, options: JSONDecodingOptions, isValidUTF8: Bool
  ) throws(JSONDecodingError) {
    // An empty buffer may have no address; a non-null dangling one is never dereferenced.
    start = text.baseAddress ?? UnsafePointer(bitPattern: 8).unsafelyUnwrapped
    position = start
    end = start + text.count
    depthLeft = options.depthLimit
    budgetLeft = Self.budget(options, text.count)
    self.options = options
    if !isValidUTF8 {
      do {
        _ = try UTF8Span(validating: text.span)
      } catch {
        throw fail(.invalidUTF8, at: start + error.byteOffsets.lowerBound)
      }
    }
  }

  deinit { scratch?.deallocate() }

  // MARK: Memory

  private static func budget(_ options: JSONDecodingOptions, _ count: Int) -> Int {
    let (product, overflow) = count.multipliedReportingOverflow(by: options.allocationFactor)
    return max(options.minimumAllocationBudget, overflow ? Int.max : product)
  }

  /// Takes memory out of the grant of the options.
  @usableFromInline mutating func charge(_ bytes: Int) throws(JSONDecodingError) {
    guard bytes <= budgetLeft else {
      let limit = Self.budget(options, end - start)
      throw fail(.allocationBudgetExceeded(limit: limit))
    }
    budgetLeft &-= bytes
  }

  /// To be called before a box is written to for the first time.
  @inlinable public mutating func charge<Value>(for box: borrowing CopyOnWrite<Value>)
    throws(JSONDecodingError)
  {
    if !box.isAllocated { try charge(CopyOnWrite<Value>.allocationSize) }
  }

  // MARK: Errors

  /// An error at a place of the text; by default where the reader stands.
  @inline(never)
  func fail(_ reason: JSONDecodingError.Reason, at place: UnsafePointer<UInt8>? = nil)
    -> JSONDecodingError
  {
    let offset = (place ?? position) - start
    let text = UnsafeBufferPointer(start: start, count: end - start)
    return JSONDecodingError(reason, offset: offset, path: JSONPath.path(in: text, to: offset))
  }

  /// The token at the reader's position is not the expected one.
  @inline(never) func unexpected(_ expected: String) -> JSONDecodingError {
    guard position < end else { return fail(.unexpectedEnd) }
    let found =
      switch position.pointee {
      case UInt8(ascii: "{"): "an object"
      case UInt8(ascii: "["): "a list"
      case UInt8(ascii: "\""): "a string"
      case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): "a number"
      default: "'\(String(decoding: CollectionOfOne(position.pointee), as: UTF8.self))'"
      }
    return fail(.unexpected(found, expected: expected))
  }

  // MARK: Structure

  @inline(__always) mutating func skipSpace() {
    while position < end {
      switch position.pointee {
      case 0x20, 0x0a, 0x0d, 0x09: position += 1
      default: return
      }
    }
  }

  /// The first byte of the next token, not consumed.
  @inline(__always) mutating func peek() throws(JSONDecodingError) -> UInt8 {
    skipSpace()
    guard position < end else { throw fail(.unexpectedEnd) }
    return position.pointee
  }

  @inline(__always) mutating func expect(_ byte: UInt8, _ what: String) throws(JSONDecodingError) {
    guard try peek() == byte else { throw unexpected(what) }
    position += 1
  }

  /// Consumes `null` if it is next.
  @usableFromInline mutating func takeNull() throws(JSONDecodingError) -> Bool {
    guard try peek() == UInt8(ascii: "n") else { return false }
    try literal("null")
    return true
  }

  /// Consumes a literal whose first letter has been seen.
  mutating func literal(_ text: StaticString) throws(JSONDecodingError) {
    let count = text.utf8CodeUnitCount
    guard end - position >= count else { throw unexpected("'\(text)'") }
    for i in 0..<count where position[i] != text.utf8Start[i] { throw unexpected("'\(text)'") }
    position += count
  }

  mutating func descend() throws(JSONDecodingError) {
    guard depthLeft > 0 else { throw fail(.tooDeep(limit: options.depthLimit)) }
    depthLeft &-= 1
  }

  /// Enters a list. `JSONList` remembers whether a comma is due.
  @usableFromInline mutating func beginList() throws(JSONDecodingError) {
    try expect(UInt8(ascii: "["), "a list")
    try descend()
  }

  /// Whether another element follows; consumes the comma before it or the bracket after the last.
  @usableFromInline mutating func nextElement(_ isFirst: inout Bool) throws(JSONDecodingError)
    -> Bool
  {
    try next(&isFirst, close: UInt8(ascii: "]"), "',' or ']'")
  }

  /// Enters an object that is a map.
  @usableFromInline mutating func beginMap() throws(JSONDecodingError) {
    try expect(UInt8(ascii: "{"), "an object")
    try descend()
  }

  /// Whether another entry follows; then the reader stands at its key's opening quote.
  @usableFromInline mutating func nextEntry(_ isFirst: inout Bool) throws(JSONDecodingError) -> Bool
  {
    guard try next(&isFirst, close: UInt8(ascii: "}"), "',' or '}'") else { return false }
    guard try peek() == UInt8(ascii: "\"") else { throw unexpected("a key in quotes") }
    return true
  }

  @inline(__always) mutating func next(
    _ isFirst: inout Bool, close: UInt8, _ expected: String
  ) throws(JSONDecodingError) -> Bool {
    let byte = try peek()
    if byte == close {
      position += 1
      depthLeft &+= 1
      return false
    }
    if isFirst {
      isFirst = false
    } else {
      guard byte == UInt8(ascii: ",") else { throw unexpected(expected) }
      position += 1
    }
    return true
  }

  @usableFromInline mutating func colon() throws(JSONDecodingError) {
    try expect(UInt8(ascii: ":"), "':'")
  }

  /// Consumes any value, checking its grammar and depth.
  mutating func skipValue() throws(JSONDecodingError) {
    switch try peek() {
    case UInt8(ascii: "{"):
      try beginMap()
      var isFirst = true
      while try nextEntry(&isFirst) {
        _ = try scanString()
        try colon()
        try skipValue()
      }
    case UInt8(ascii: "["):
      try beginList()
      var isFirst = true
      while try nextElement(&isFirst) { try skipValue() }
    case UInt8(ascii: "\""): _ = try scanString()
    case UInt8(ascii: "t"): try literal("true")
    case UInt8(ascii: "f"): try literal("false")
    case UInt8(ascii: "n"): try literal("null")
    default: _ = try scanNumber()
    }
  }

  /// Only white space may be left.
  mutating func finish() throws(JSONDecodingError) {
    skipSpace()
    guard position == end else { throw fail(.trailingContent) }
  }

  // MARK: Booleans

  /// `true` or `false`; nothing else is a boolean.
  public mutating func bool() throws(JSONDecodingError) -> Bool {
    switch try peek() {
    case UInt8(ascii: "t"):
      try literal("true")
      return true
    case UInt8(ascii: "f"):
      try literal("false")
      return false
    default: throw unexpected("a boolean")
    }
  }
}
