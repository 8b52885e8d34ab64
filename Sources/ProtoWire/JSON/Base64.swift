/// Base64 as the JSON mapping wants it (RFC 4648): written in the standard alphabet with padding,
/// read in the standard or the URL-safe one, padding optional but right when present.
enum Base64 {
  /// 0…63 for the letters of both alphabets, 255 for everything else.
  private static let values: [UInt8] = {
    var values = [UInt8](repeating: 255, count: 256)
    for (value, letter) in alphabet.enumerated() { values[Int(letter)] = UInt8(value) }
    values[Int(UInt8(ascii: "-"))] = 62
    values[Int(UInt8(ascii: "_"))] = 63
    return values
  }()
  static let alphabet = Array(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

  /// `nil` for a foreign letter, wrong padding or a length that no byte count gives.
  static func decode(_ text: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
    var count = text.count
    if count > 0, text[count - 1] == UInt8(ascii: "=") {
      guard count % 4 == 0 else { return nil }
      count -= text[count - 2] == UInt8(ascii: "=") ? 2 : 1
    }
    guard count % 4 != 1 else { return nil }
    let size = count / 4 * 3 + max(0, count % 4 - 1)
    var isValid = true
    let bytes = values.withUnsafeBufferPointer { values in
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

  /// How long the encoded form is.
  static func encodedCount(_ count: Int) -> Int { (count + 2) / 3 * 4 }

  /// Writes exactly `encodedCount(bytes.count)` letters.
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
