extension JSONReader {
  /// The bytes of the string that is next, escapes decoded. They stand in the text or in the
  /// scratch buffer, so they are good until the next string.
  mutating func scanString() throws(JSONDecodingError) -> UnsafeBufferPointer<UInt8> {
    guard try peek() == UInt8(ascii: "\"") else { throw unexpected("a string") }
    let first = position + 1
    var next = first
    while next < end {
      // Eight plain bytes at a time; the last few, and those that may matter, one by one.
      if end - next >= 8 {
        let word = UInt64(
          littleEndian: UnsafeRawPointer(next).loadUnaligned(as: UInt64.self))
        let marks =
          ByteLanes.below0x20(word) | ByteLanes.equal(word, UInt8(ascii: "\""))
          | ByteLanes.equal(word, UInt8(ascii: "\\"))
        if marks == 0 {
          next += 8
          continue
        }
        next += marks.trailingZeroBitCount >> 3
      }
      let byte = next.pointee
      if byte == UInt8(ascii: "\"") {
        position = next + 1
        return UnsafeBufferPointer(start: first, count: next - first)
      }
      if byte == UInt8(ascii: "\\") { return try scanEscapedString(first, next) }
      if byte < 0x20 { throw fail(.controlCharacter(byte), at: next) }
      next += 1
    }
    throw fail(.unexpectedEnd, at: end)
  }

  /// The slow road, from the first backslash on. What is decoded is never longer than its source.
  @inline(never) private mutating func scanEscapedString(
    _ first: UnsafePointer<UInt8>, _ backslash: UnsafePointer<UInt8>
  ) throws(JSONDecodingError) -> UnsafeBufferPointer<UInt8> {
    var close = backslash
    while close < end, close.pointee != UInt8(ascii: "\"") {
      close += close.pointee == UInt8(ascii: "\\") ? min(2, end - close) : 1
    }
    guard close < end else { throw fail(.unexpectedEnd, at: end) }
    reserveScratch(close - first)
    let output = scratch.unsafelyUnwrapped
    var count = backslash - first
    output.update(from: first, count: count)
    var next = backslash
    while next < close {
      let byte = next.pointee
      if byte == UInt8(ascii: "\\") {
        var scalar: UInt32
        switch next[1] {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): scalar = UInt32(next[1])
        case UInt8(ascii: "b"): scalar = 0x08
        case UInt8(ascii: "f"): scalar = 0x0c
        case UInt8(ascii: "n"): scalar = 0x0a
        case UInt8(ascii: "r"): scalar = 0x0d
        case UInt8(ascii: "t"): scalar = 0x09
        case UInt8(ascii: "u"):
          scalar = try codeUnit(next, close)
          if scalar & 0xfc00 == 0xd800 {
            guard close - next >= 12, next[6] == UInt8(ascii: "\\"), next[7] == UInt8(ascii: "u")
            else { throw fail(.unpairedSurrogate, at: next) }
            let low = try codeUnit(next + 6, close)
            guard low & 0xfc00 == 0xdc00 else { throw fail(.unpairedSurrogate, at: next) }
            scalar = 0x10000 + (scalar & 0x3ff) << 10 | low & 0x3ff
            next += 6
          } else if scalar & 0xfc00 == 0xdc00 {
            throw fail(.unpairedSurrogate, at: next)
          }
          next += 4
        default: throw fail(.invalidEscape, at: next)
        }
        next += 2
        count += Self.encode(scalar, to: output + count)
      } else {
        if byte < 0x20 { throw fail(.controlCharacter(byte), at: next) }
        output[count] = byte
        count += 1
        next += 1
      }
    }
    position = close + 1
    return UnsafeBufferPointer(start: output, count: count)
  }

  /// The four hex digits after `\u`.
  private func codeUnit(_ escape: UnsafePointer<UInt8>, _ close: UnsafePointer<UInt8>)
    throws(JSONDecodingError) -> UInt32
  {
    guard close - escape >= 6 else { throw fail(.invalidEscape, at: escape) }
    var unit: UInt32 = 0
    for i in 2..<6 {
      let digit: UInt8
      switch escape[i] {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = escape[i] - UInt8(ascii: "0")
      case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = escape[i] - UInt8(ascii: "a") + 10
      case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = escape[i] - UInt8(ascii: "A") + 10
      default: throw fail(.invalidEscape, at: escape)
      }
      unit = unit << 4 | UInt32(digit)
    }
    return unit
  }

  private static func encode(_ scalar: UInt32, to output: UnsafeMutablePointer<UInt8>) -> Int {
    if scalar < 0x80 {
      output[0] = UInt8(scalar)
      return 1
    }
    if scalar < 0x800 {
      output[0] = UInt8(0xc0 | scalar >> 6)
      output[1] = UInt8(0x80 | scalar & 0x3f)
      return 2
    }
    if scalar < 0x10000 {
      output[0] = UInt8(0xe0 | scalar >> 12)
      output[1] = UInt8(0x80 | scalar >> 6 & 0x3f)
      output[2] = UInt8(0x80 | scalar & 0x3f)
      return 3
    }
    output[0] = UInt8(0xf0 | scalar >> 18)
    output[1] = UInt8(0x80 | scalar >> 12 & 0x3f)
    output[2] = UInt8(0x80 | scalar >> 6 & 0x3f)
    output[3] = UInt8(0x80 | scalar & 0x3f)
    return 4
  }

  private mutating func reserveScratch(_ count: Int) {
    guard scratchCapacity < count || scratch == nil else { return }
    scratch?.deallocate()
    scratchCapacity = max(count, 256)
    scratch = .allocate(capacity: scratchCapacity)
  }

  /// A string. The text is known to be UTF-8, and a slice between ASCII quotes of it is, too.
  public mutating func string() throws(JSONDecodingError) -> String {
    let place = position
    let text = try scanString()
    try checkMarks(text, at: place)
    return String(copying: UTF8Span(unchecked: text.span))
  }

  /// To be called before text becomes a `String` that somebody may hash or compare.
  @inline(__always) func checkMarks(
    _ text: UnsafeBufferPointer<UInt8>, at place: UnsafePointer<UInt8>
  ) throws(JSONDecodingError) {
    if CombiningMarks.exceed(options.combiningMarkLimit, in: text) {
      throw fail(.tooManyCombiningMarks(limit: options.combiningMarkLimit), at: place)
    }
  }

  /// A string of base64, standard or URL-safe alphabet, with or without padding.
  public mutating func bytes() throws(JSONDecodingError) -> [UInt8] {
    let place = position
    guard let bytes = Base64.decode(try scanString(), urlSafe: true) else {
      throw fail(.malformedBase64, at: place)
    }
    return bytes
  }
}
