/// A SHA-256: what names the bytes of an artifact.
public struct ContentDigest: Hashable, Sendable, CustomStringConvertible {
  /// 64 lower-case hexadecimal digits.
  public let hex: String

  /// A digest that was checked when it was stored.
  public init(unchecked hex: String) { self.hex = hex }

  /// Takes 64 lower-case hexadecimal digits.
  ///
  /// - 64 × `0` → accepted
  /// - 63 digits, `A`, `g` → refused
  public init(hex: String, field: String = "sha256") throws(DomainError) {
    let isHex = hex.utf8.allSatisfy {
      (0x30...0x39).contains($0) || (0x61...0x66).contains($0)
    }
    guard hex.utf8.count == 64, isHex else {
      throw .invalid(
        field: field,
        message: "a SHA-256 is 64 lower-case hexadecimal digits, not \(hex.utf8.count) characters"
          + " of \"\(hex.prefix(80))\"")
    }
    self.hex = hex
  }

  /// Takes the 32 bytes of the hash itself.
  public init(bytes: some Sequence<UInt8>) {
    let digits = Array("0123456789abcdef".utf8)
    var text: [UInt8] = []
    text.reserveCapacity(64)
    for byte in bytes {
      text.append(digits[Int(byte >> 4)])
      text.append(digits[Int(byte & 15)])
    }
    hex = String(decoding: text, as: UTF8.self)
  }

  public var description: String { hex }
}
