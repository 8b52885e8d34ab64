extension JSONReader {
  /// The text of the number that is next, in the grammar of RFC 8259 §6.
  mutating func scanNumber() throws(JSONDecodingError) -> UnsafeBufferPointer<UInt8> {
    let byte = try peek()
    guard byte == UInt8(ascii: "-") || Self.isDigit(byte) else { throw unexpected("a value") }
    let rest = UnsafeBufferPointer(start: position, count: end - position)
    guard let count = JSONNumber.length(rest) else {
      throw fail(.malformedNumber(numberExcerpt()))
    }
    let text = UnsafeBufferPointer(start: position, count: count)
    position += count
    // `01` and `1x` are no number followed by something else: say so at the number.
    if position < end, Self.isDigit(position.pointee) || Self.isLetter(position.pointee) {
      position -= count
      throw fail(.malformedNumber(numberExcerpt()))
    }
    return text
  }

  private static func isDigit(_ byte: UInt8) -> Bool {
    byte &- UInt8(ascii: "0") < 10
  }

  private static func isLetter(_ byte: UInt8) -> Bool {
    (byte | 0x20) &- UInt8(ascii: "a") < 26
  }

  /// What looks like a number, up to the next delimiter.
  private func numberExcerpt() -> String {
    var next = position
    while next < end, next - position < 65, next.pointee > 0x20, next.pointee != UInt8(ascii: ","),
      next.pointee != UInt8(ascii: "}"), next.pointee != UInt8(ascii: "]")
    { next += 1 }
    return JSONPath.excerpt(UnsafeBufferPointer(start: position, count: next - position))
  }

  /// The text of the number that is next, in quotes or not.
  private mutating func scanNumberOrString(_ expected: String) throws(JSONDecodingError)
    -> (text: UnsafeBufferPointer<UInt8>, isQuoted: Bool)
  {
    switch try peek() {
    case UInt8(ascii: "\""): return (try scanString(), true)
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return (try scanNumber(), false)
    default: throw unexpected(expected)
    }
  }

  /// An integer that fits the type: a number or a string of one, also as `1e5` or `100.0`.
  mutating func integer<T: FixedWidthInteger>(_ type: @autoclosure () -> String)
    throws(JSONDecodingError) -> T
  {
    let place = position
    let (text, isQuoted) = try scanNumberOrString("an integer")
    if isQuoted, JSONNumber.length(text) != text.count {
      throw fail(.malformedNumber(JSONPath.excerpt(text)), at: place)
    }
    return try integer(text, at: place, type())
  }

  /// A map's key: digits only, because an integer that has several spellings is not one key.
  @usableFromInline mutating func integerKey<T: FixedWidthInteger>(_ type: String)
    throws(JSONDecodingError) -> T
  {
    let place = position
    let text = try scanString()
    guard JSONNumber.length(text) == text.count,
      text.allSatisfy({ Self.isDigit($0) || $0 == UInt8(ascii: "-") })
    else { throw fail(.malformedNumber(JSONPath.excerpt(text)), at: place) }
    return try integer(text, at: place, type)
  }

  /// The value of a well-formed number.
  private func integer<T: FixedWidthInteger>(
    _ text: UnsafeBufferPointer<UInt8>, at place: UnsafePointer<UInt8>,
    _ type: @autoclosure () -> String
  ) throws(JSONDecodingError) -> T {
    switch JSONNumber.integer(text) {
    case .fraction: throw fail(.notAnInteger(JSONPath.excerpt(text)), at: place)
    case .value(let isNegative, let magnitude):
      if !isNegative {
        if let value = T(exactly: magnitude) { return value }
      } else if magnitude == 0 {
        return 0
      } else if T.isSigned, magnitude <= T.min.magnitude {
        return T(truncatingIfNeeded: 0 &- magnitude)
      }
    case .tooLarge: break
    }
    throw fail(.outOfRange(JSONPath.excerpt(text), type: type()), at: place)
  }

  public mutating func int32() throws(JSONDecodingError) -> Int32 { try integer("int32") }
  public mutating func int64() throws(JSONDecodingError) -> Int64 { try integer("int64") }
  public mutating func uint32() throws(JSONDecodingError) -> UInt32 { try integer("uint32") }
  public mutating func uint64() throws(JSONDecodingError) -> UInt64 { try integer("uint64") }

  /// A number, a string of one, or `"NaN"`, `"Infinity"`, `"-Infinity"`.
  public mutating func double() throws(JSONDecodingError) -> Double {
    let place = position
    let (text, isQuoted) = try scanNumberOrString("a number")
    if isQuoted {
      if JSONNumber.matches(text, "NaN") { return .nan }
      if JSONNumber.matches(text, "Infinity") { return .infinity }
      if JSONNumber.matches(text, "-Infinity") { return -.infinity }
      guard JSONNumber.length(text) == text.count else {
        throw fail(.malformedNumber(JSONPath.excerpt(text)), at: place)
      }
    }
    let value: Double = JSONNumber.floatingPoint(text)
    guard value.isFinite else {
      throw fail(.outOfRange(JSONPath.excerpt(text), type: "double"), at: place)
    }
    return value
  }

  /// As `double()`, rounded once, from the decimal text to the nearest `Float`.
  public mutating func float() throws(JSONDecodingError) -> Float {
    let place = position
    let (text, isQuoted) = try scanNumberOrString("a number")
    if isQuoted {
      if JSONNumber.matches(text, "NaN") { return .nan }
      if JSONNumber.matches(text, "Infinity") { return .infinity }
      if JSONNumber.matches(text, "-Infinity") { return -.infinity }
      guard JSONNumber.length(text) == text.count else {
        throw fail(.malformedNumber(JSONPath.excerpt(text)), at: place)
      }
    }
    let value: Float = JSONNumber.floatingPoint(text)
    guard value.isFinite else {
      throw fail(.outOfRange(JSONPath.excerpt(text), type: "float"), at: place)
    }
    return value
  }
}
