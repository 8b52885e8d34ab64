/// Base64 of binary metadata (RFC 4648 section 4): written without padding, read with or without.
public enum Base64 {
  private static let alphabet = Array(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

  /// 64 for a byte outside the alphabet.
  private static let values: [UInt8] = {
    var table = [UInt8](repeating: 64, count: 256)
    for (value, symbol) in alphabet.enumerated() { table[Int(symbol)] = UInt8(value) }
    return table
  }()

  /// The unpadded text of `bytes`.
  public static func encode(_ bytes: some Collection<UInt8>) -> [UInt8] {
    var text: [UInt8] = []
    text.reserveCapacity((bytes.count * 4 + 2) / 3)
    var buffer: UInt32 = 0
    var bits = 0
    for byte in bytes {
      buffer = buffer << 8 | UInt32(byte)
      bits += 8
      while bits >= 6 {
        bits -= 6
        text.append(alphabet[Int(buffer >> UInt32(bits) & 63)])
      }
    }
    if bits > 0 { text.append(alphabet[Int(buffer << UInt32(6 - bits) & 63)]) }
    return text
  }

  /// The bytes of `text`; nil when it has a foreign character, a single symbol over, or padding that is not at the end or does not fit.
  public static func decode(_ text: some Collection<UInt8>) -> [UInt8]? {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.count * 3 / 4)
    var buffer: UInt32 = 0
    var symbols = 0
    var padding = 0
    for symbol in text {
      if symbol == UInt8(ascii: "=") {
        padding += 1
        continue
      }
      let value = values[Int(symbol)]
      guard value < 64, padding == 0 else { return nil }
      buffer = buffer << 6 | UInt32(value)
      symbols += 1
      if symbols & 3 == 0 {
        bytes.append(UInt8(truncatingIfNeeded: buffer >> 16))
        bytes.append(UInt8(truncatingIfNeeded: buffer >> 8))
        bytes.append(UInt8(truncatingIfNeeded: buffer))
        buffer = 0
      }
    }
    switch symbols & 3 {
    case 0: return padding == 0 ? bytes : nil
    case 2:
      guard padding == 0 || padding == 2 else { return nil }
      bytes.append(UInt8(truncatingIfNeeded: buffer >> 4))
    case 3:
      guard padding <= 1 else { return nil }
      bytes.append(UInt8(truncatingIfNeeded: buffer >> 10))
      bytes.append(UInt8(truncatingIfNeeded: buffer >> 2))
    default: return nil
    }
    return bytes
  }
}
