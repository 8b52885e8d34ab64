extension JSONWriter {
  public mutating func bool(_ value: Bool) { put(value ? "true" : "false") }

  public mutating func null() { put("null") }

  public mutating func int32(_ value: Int32) {
    if value < 0 { put(UInt8(ascii: "-")) }
    decimal(UInt64(value.magnitude))
  }

  public mutating func uint32(_ value: UInt32) { decimal(UInt64(value)) }

  /// In quotes: a JSON number is a double in many readers.
  public mutating func int64(_ value: Int64) {
    put(UInt8(ascii: "\""))
    if value < 0 { put(UInt8(ascii: "-")) }
    decimal(value.magnitude)
    put(UInt8(ascii: "\""))
  }

  /// In quotes, as `int64`.
  public mutating func uint64(_ value: UInt64) {
    put(UInt8(ascii: "\""))
    decimal(value)
    put(UInt8(ascii: "\""))
  }

  @usableFromInline mutating func boolKey(_ value: Bool) { put(value ? "\"true\"" : "\"false\"") }

  mutating func decimal(_ value: UInt64) {
    reserve(20)
    if value < 10 {
      buffer[count] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: value)
      advance(1)
      return
    }
    var length = 0
    var rest = value
    while rest > 0 {
      rest /= 10
      length += 1
    }
    rest = value
    var place = count + length
    while rest > 0 {
      let (quotient, digit) = rest.quotientAndRemainder(dividingBy: 10)
      place -= 1
      buffer[place] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: digit)
      rest = quotient
    }
    advance(length)
  }

  /// Exactly `width` digits, with leading zeros.
  mutating func decimal(_ value: Int, width: Int) {
    let output = extend(width)
    var rest = value
    for place in stride(from: width - 1, through: 0, by: -1) {
      output[place] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
      rest /= 10
    }
  }

  /// The shortest digits that read back as the same value; NaN and the infinities as strings.
  public mutating func double(_ value: Double) {
    guard value.isFinite else { return notFinite(value) }
    if value.magnitude < 1e15 {
      let whole = Int64(value)
      if Double(whole) == value, whole != 0 || value.sign == .plus {
        return integral(whole)
      }
    }
    shortest(value.description)
  }

  /// As `double`, with the digits that a `Float` needs.
  public mutating func float(_ value: Float) {
    guard value.isFinite else { return notFinite(Double(value)) }
    if value.magnitude < 1e7 {
      let whole = Int64(value)
      if Float(whole) == value, whole != 0 || value.sign == .plus {
        return integral(whole)
      }
    }
    shortest(value.description)
  }

  private mutating func integral(_ value: Int64) {
    if value < 0 { put(UInt8(ascii: "-")) }
    decimal(value.magnitude)
  }

  private mutating func notFinite(_ value: Double) {
    put(value.isNaN ? "\"NaN\"" : value < 0 ? "\"-Infinity\"" : "\"Infinity\"")
  }

  /// Without the `.0` of a whole number, except for minus zero: many readers take `-0` for an
  /// integer and lose its sign.
  private mutating func shortest(_ digits: String) {
    put(ascii: digits)
    if digits == "-0.0" { return }
    if count >= 2, buffer[count - 1] == UInt8(ascii: "0"), buffer[count - 2] == UInt8(ascii: ".") {
      advance(-2)
    }
  }

  /// Base64 in the standard alphabet, padded.
  public mutating func bytes(_ value: [UInt8]) {
    put(UInt8(ascii: "\""))
    let output = extend(Base64.encodedCount(value.count))
    value.withUnsafeBufferPointer { Base64.encode($0, to: output) }
    put(UInt8(ascii: "\""))
  }

  /// An enum by name; by number if it has none or the options ask for numbers.
  @usableFromInline mutating func enumeration<E: ProtoEnum>(_ value: E) {
    if !options.enumsAsInts, let name = E.protoNames.name(of: value.rawValue) {
      put(UInt8(ascii: "\""))
      put(name)
      put(UInt8(ascii: "\""))
    } else {
      int32(value.rawValue)
    }
  }

  // MARK: Strings

  public mutating func string(_ value: String) {
    var value = value
    value.withUTF8 { string($0) }
  }

  /// Escaped are what JSON demands and, as protobuf does, what a browser might stumble over: `<`,
  /// `>`, DEL and the line separators U+2028 and U+2029.
  mutating func string(_ text: UnsafeBufferPointer<UInt8>) {
    put(UInt8(ascii: "\""))
    defer { put(UInt8(ascii: "\"")) }
    guard let start = text.baseAddress else { return }
    var done = 0
    var i = 0
    while i < text.count {
      if text.count - i >= 8 {
        let word = UInt64(
          littleEndian: UnsafeRawPointer(start + i).loadUnaligned(as: UInt64.self))
        let marks =
          ByteLanes.below0x20(word) | ByteLanes.equal(word, UInt8(ascii: "\""))
          | ByteLanes.equal(word, UInt8(ascii: "\\")) | ByteLanes.equal(word, 0x7f)
          | ByteLanes.equal(word | 0x0202_0202_0202_0202, UInt8(ascii: ">"))
          | ByteLanes.equal(word, 0xe2)
        if marks == 0 {
          i &+= 8
          continue
        }
        i &+= marks.trailingZeroBitCount >> 3
      }
      let byte = start[i]
      if byte >= 0x20, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\"),
        byte != UInt8(ascii: "<"), byte != UInt8(ascii: ">"), byte != 0x7f, byte != 0xe2
      {
        i &+= 1
        continue
      }
      if byte == 0xe2 {
        guard i + 2 < text.count, start[i + 1] == 0x80, start[i + 2] & 0xfe == 0xa8 else {
          i &+= 1
          continue
        }
        put(start + done, i - done)
        put(start[i + 2] == 0xa8 ? "\\u2028" : "\\u2029")
        i += 3
      } else {
        put(start + done, i - done)
        escape(byte)
        i += 1
      }
      done = i
    }
    put(start + done, text.count - done)
  }

  private mutating func escape(_ byte: UInt8) {
    switch byte {
    case UInt8(ascii: "\""): put("\\\"")
    case UInt8(ascii: "\\"): put("\\\\")
    case 0x08: put("\\b")
    case 0x0c: put("\\f")
    case 0x0a: put("\\n")
    case 0x0d: put("\\r")
    case 0x09: put("\\t")
    default:
      put("\\u00")
      put(Self.hex(byte >> 4))
      put(Self.hex(byte & 15))
    }
  }

  private static func hex(_ digit: UInt8) -> UInt8 {
    digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10
  }
}
