/// Lower-case hexadecimal digits.
public enum Hex {
  /// Two digits a byte.
  ///
  /// - `[0x00, 0x0f, 0xff]` → `"000fff"`
  public static func encode(_ bytes: some Sequence<UInt8>) -> String {
    var text: [UInt8] = []
    text.reserveCapacity(2 * bytes.underestimatedCount)
    for byte in bytes {
      text.append(digit(byte >> 4))
      text.append(digit(byte & 15))
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// Sixteen digits, the highest first.
  ///
  /// - 255 → `"00000000000000ff"`
  public static func encode(_ word: UInt64) -> String {
    encode(withUnsafeBytes(of: word.bigEndian) { Array($0) })
  }

  /// Whether all of a text are digits as they are written here.
  ///
  /// - `"00ff"` → yes; `"FF"`, `"g"` → no
  public static func isHex(_ text: some Sequence<UInt8>) -> Bool {
    text.allSatisfy(isDigit)
  }

  /// Whether a byte is one of `0`…`9`, `a`…`f`.
  public static func isDigit(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
      || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
  }

  /// The digit of 0...15.
  public static func digit(_ value: UInt8) -> UInt8 {
    value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") - 10 + value
  }
}
