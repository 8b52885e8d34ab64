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
  /// Messages that may still nest in the one being read.
  private var depthLeft: Int
  /// `google.protobuf.Any`s that may still nest in the one being read.
  private var anysLeft = JSONReader.anyLimit
  @usableFromInline var budgetLeft: Int
  /// How the text is read.
  public let options: JSONDecodingOptions
  /// An enum name that the enum does not have was just ignored: its field counts as absent.
  @usableFromInline var ignoredValue = false
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

  /// What was granted and used so far.
  var charged: Int { Self.budget(options, end - start) &- budgetLeft }

  /// The binary form may be shorter than the text, and its reader's grant smaller: what could not be
  /// read back is refused here. Only messages of more than the minimal grant are measured.
  func checkBinaryGrant<M: Message>(of message: M) throws(JSONDecodingError) {
    guard charged > options.minimumAllocationBudget else { return }
    var sizes = WireSizes()
    let limit = Self.budget(options, message.byteSize(&sizes))
    guard charged <= limit else { throw fail(.allocationBudgetExceeded(limit: limit)) }
  }

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
    // Text that is not UTF-8 was not looked at before: whatever stands in it, it has no path.
    let path =
      reason == .invalidUTF8
      ? "" : JSONPath.path(in: UnsafeBufferPointer(start: start, count: end - start), to: offset)
    return JSONDecodingError(reason, offset: offset, path: path)
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
      default: "'\(JSONPath.excerpt(UnsafeBufferPointer(start: position, count: 1)))'"
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

  /// Begins a message, or a map's entry, within another message; `leave` ends it.
  @usableFromInline mutating func enter() throws(JSONDecodingError) {
    guard depthLeft > 0 else { throw fail(.tooDeep(limit: options.depthLimit)) }
    depthLeft &-= 1
  }

  @usableFromInline mutating func leave() { depthLeft &+= 1 }

  /// Each level of Anys serializes what is in it once more.
  static let anyLimit = 16

  /// As `enter`, for the content of a `google.protobuf.Any`.
  mutating func enterAny() throws(JSONDecodingError) {
    guard anysLeft > 0 else { throw fail(.tooDeep(limit: Self.anyLimit)) }
    anysLeft &-= 1
    try enter()
  }

  mutating func leaveAny() {
    anysLeft &+= 1
    leave()
  }

  /// Enters a list.
  @usableFromInline mutating func beginList() throws(JSONDecodingError) {
    try expect(UInt8(ascii: "["), "a list")
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

  /// Consumes any value, checking its grammar and how deep its brackets nest.
  mutating func skipValue() throws(JSONDecodingError) {
    var areObjects: [Bool] = []  // the open brackets
    while true {
      var isFirst = false
      switch try peek() {
      case UInt8(ascii: "{"), UInt8(ascii: "["):
        guard areObjects.count < options.depthLimit else {
          throw fail(.tooDeep(limit: options.depthLimit))
        }
        areObjects.append(position.pointee == UInt8(ascii: "{"))
        position += 1
        isFirst = true
      case UInt8(ascii: "\""): _ = try scanString()
      case UInt8(ascii: "t"): try literal("true")
      case UInt8(ascii: "f"): try literal("false")
      case UInt8(ascii: "n"): try literal("null")
      default: _ = try scanNumber()
      }
      guard try nextSkipped(&areObjects, isFirst) else { return }
    }
  }

  /// Goes on to the next value within open brackets, past the key of an entry; false after the last
  /// bracket was closed.
  private mutating func nextSkipped(_ areObjects: inout [Bool], _ isFirst: Bool)
    throws(JSONDecodingError) -> Bool
  {
    var isFirst = isFirst
    while let isObject = areObjects.last {
      if isObject {
        if try nextEntry(&isFirst) {
          _ = try scanString()
          try colon()
          return true
        }
      } else if try nextElement(&isFirst) {
        return true
      }
      areObjects.removeLast()
      isFirst = false
    }
    return false
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
