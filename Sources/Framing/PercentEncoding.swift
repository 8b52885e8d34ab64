/// The encoding of `grpc-message`: UTF-8 in which everything but printable ASCII, and the percent
/// sign itself, is `%XX`.
///
/// Source: "gRPC over HTTP/2", Percent-Encoded.
public enum PercentEncoding {
  /// Appends `text`, encoded, to `output`.
  public static func encode(_ text: String, into output: inout [UInt8]) {
    for byte in text.utf8 {
      if byte >= 0x20, byte <= 0x7e, byte != UInt8(ascii: "%") {
        output.append(byte)
      } else {
        output.append(UInt8(ascii: "%"))
        output.append(hexDigit(byte >> 4))
        output.append(hexDigit(byte & 15))
      }
    }
  }

  /// `text`, encoded.
  public static func encode(_ text: String) -> [UInt8] {
    var output: [UInt8] = []
    output.reserveCapacity(text.utf8.count)
    encode(text, into: &output)
    return output
  }

  /// The text of `bytes`. Never fails, as the specification demands: a `%` that no two hexadecimal
  /// digits follow stands for itself, and invalid UTF-8 is repaired with U+FFFD.
  public static func decode(_ bytes: UnsafeRawBufferPointer) -> String {
    var output: [UInt8] = []
    output.reserveCapacity(bytes.count)
    var index = 0
    while index < bytes.count {
      if bytes[index] == UInt8(ascii: "%"), index + 2 < bytes.count,
        let high = hexValue(bytes[index + 1]), let low = hexValue(bytes[index + 2])
      {
        output.append(high << 4 | low)
        index += 3
      } else {
        output.append(bytes[index])
        index += 1
      }
    }
    return String(decoding: output, as: UTF8.self)
  }

  private static func hexDigit(_ value: UInt8) -> UInt8 {
    value < 10 ? 0x30 + value : 0x41 + value - 10
  }

  private static func hexValue(_ digit: UInt8) -> UInt8? {
    switch digit {
    case 0x30...0x39: digit - 0x30
    case 0x41...0x46: digit - 0x41 + 10
    case 0x61...0x66: digit - 0x61 + 10
    default: nil
    }
  }
}
