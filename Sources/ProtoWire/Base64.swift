/// Base64 (RFC 4648) for everything that travels as text: JSON, binary metadata, embedded descriptors.
///
/// Written in the standard alphabet, with padding or without; read with either, padding right when present.
public enum Base64 {
  private static let alphabet = Array(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

  /// 0…63 for the letters of the standard alphabet, 255 for everything else.
  private static let standardValues = values(of: [:])
  /// The same with the two letters of the URL-safe alphabet.
  private static let eitherValues = values(of: [UInt8(ascii: "-"): 62, UInt8(ascii: "_"): 63])

  private static func values(of more: [UInt8: UInt8]) -> [UInt8] {
    var values = [UInt8](repeating: 255, count: 256)
    for (value, letter) in alphabet.enumerated() { values[Int(letter)] = UInt8(value) }
    for (letter, value) in more { values[Int(letter)] = value }
    return values
  }

  // MARK: Reading

  /// The bytes of `text`; nil for a foreign letter, wrong padding, or a length that no byte count gives.
  ///
  /// - Parameter urlSafe: whether the letters `-` and `_` count too (section 5).
  public static func decode(
    _ text: UnsafeBufferPointer<UInt8>, urlSafe: Bool = false
  ) -> [UInt8]? {
    var count = text.count
    if count > 0, text[count - 1] == UInt8(ascii: "=") {
      guard count % 4 == 0 else { return nil }
      count -= text[count - 2] == UInt8(ascii: "=") ? 2 : 1
    }
    guard count % 4 != 1 else { return nil }
    let size = count / 4 * 3 + max(0, count % 4 - 1)
    var isValid = true
    let bytes = (urlSafe ? eitherValues : standardValues).withUnsafeBufferPointer { values in
      [UInt8](unsafeUninitializedCapacity: size) { output, initialized in
        var bits: UInt32 = 0
        var all: UInt8 = 0
        for i in 0..<count {
          let value = values[Int(text[i])]
          all |= value
          bits = bits << 6 | UInt32(value & 63)
          switch i & 3 {
          case 1: append(UInt8(truncatingIfNeeded: bits >> 4))
          case 2: append(UInt8(truncatingIfNeeded: bits >> 2))
          case 3: append(UInt8(truncatingIfNeeded: bits))
          default: break
          }
        }
        isValid = all < 64
        func append(_ byte: UInt8) {
          output[initialized] = byte
          initialized += 1
        }
      }
    }
    return isValid ? bytes : nil
  }

  /// The same for bytes that do not lie in one piece.
  public static func decode(_ text: some Collection<UInt8>, urlSafe: Bool = false) -> [UInt8]? {
    let inPlace = text.withContiguousStorageIfAvailable { decode($0, urlSafe: urlSafe) }
    return inPlace ?? Array(text).withUnsafeBufferPointer { decode($0, urlSafe: urlSafe) }
  }

  /// The bytes of a text that the generator wrote, in lines or in one.
  public static func decode(generated text: StaticString) -> [UInt8] {
    text.withUTF8Buffer { lines in
      guard let bytes = decode(lines.filter { $0 != UInt8(ascii: "\n") }) else {
        preconditionFailure("generated code holds a text that is not base64: generate it again")
      }
      return bytes
    }
  }

  // MARK: Writing

  /// How long the padded form is.
  public static func encodedCount(_ count: Int) -> Int { (count + 2) / 3 * 4 }

  /// The text of `bytes`.
  public static func encode(_ bytes: some Collection<UInt8>, padded: Bool = false) -> [UInt8] {
    let inPlace = bytes.withContiguousStorageIfAvailable { encode($0, padded: padded) }
    return inPlace ?? Array(bytes).withUnsafeBufferPointer { encode($0, padded: padded) }
  }

  private static func encode(_ bytes: UnsafeBufferPointer<UInt8>, padded: Bool) -> [UInt8] {
    let count = encodedCount(bytes.count)
    return [UInt8](unsafeUninitializedCapacity: count) { output, initialized in
      guard let start = output.baseAddress, count > 0 else { return }
      encode(bytes, to: start)
      initialized = padded ? count : (bytes.count * 4 + 2) / 3
    }
  }

  /// Writes exactly `encodedCount(bytes.count)` letters, padding included.
  static func encode(_ bytes: UnsafeBufferPointer<UInt8>, to output: UnsafeMutablePointer<UInt8>) {
    alphabet.withUnsafeBufferPointer { letters in
      var next = output
      var i = 0
      while i + 3 <= bytes.count {
        put(UInt32(bytes[i]) << 16 | UInt32(bytes[i + 1]) << 8 | UInt32(bytes[i + 2]))
        i += 3
      }
      switch bytes.count - i {
      case 1:
        put(UInt32(bytes[i]) << 16)
        next[-1] = UInt8(ascii: "=")
        next[-2] = UInt8(ascii: "=")
      case 2:
        put(UInt32(bytes[i]) << 16 | UInt32(bytes[i + 1]) << 8)
        next[-1] = UInt8(ascii: "=")
      default: break
      }
      func put(_ bits: UInt32) {
        next[0] = letters[Int(bits >> 18 & 63)]
        next[1] = letters[Int(bits >> 12 & 63)]
        next[2] = letters[Int(bits >> 6 & 63)]
        next[3] = letters[Int(bits & 63)]
        next += 4
      }
    }
  }
}
