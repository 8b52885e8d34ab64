/// The secret of an API key or a device: a prefix and 43 characters of base64url, 256 random bits.
public struct KeySecret: Hashable, Sendable {
  /// How many bytes of randomness a secret is made of.
  public static let randomByteCount = 32
  /// Whose secret it is; the prefix tells.
  public enum Kind: String, CaseIterable, Sendable {
    case apiKey = "sk-"
    case device = "dk-"
  }

  /// How many characters a key is recognised by.
  public static let hintLength = 8

  /// The text that is sent as a bearer token.
  public let text: String

  /// Makes a secret of random bytes; nil unless there are 32.
  ///
  /// - 32 zero bytes → `sk-` and 43 × `A`; of a device → `dk-` and 43 × `A`
  public init?(_ kind: Kind = .apiKey, random bytes: [UInt8]) {
    guard bytes.count == KeySecret.randomByteCount else { return nil }
    let digits = KeySecret.digits
    var text = Array(kind.rawValue.utf8)
    var bits: UInt32 = 0
    var count = 0
    for byte in bytes {
      bits = bits << 8 | UInt32(byte)
      count += 8
      while count >= 6 {
        count -= 6
        text.append(digits[Int(bits >> UInt32(count) & 63)])
      }
      bits &= 0xFF
    }
    if count > 0 { text.append(digits[Int(bits << UInt32(6 - count) & 63)]) }
    self.text = String(decoding: text, as: UTF8.self)
  }

  /// Takes a secret as it was written down; nil for what is none.
  ///
  /// - `sk-` and 43 × `A` → that secret, with a line's end behind it → nil
  public init?(text: String) {
    guard text.hasPrefix("sk-"), text.utf8.count == 46,
      text.utf8.dropFirst(3).allSatisfy({ KeySecret.digits.contains($0) })
    else { return nil }
    self.text = text
  }

  private static let digits = Array(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

  /// The characters that are kept and shown.
  public var hint: String { String(text.prefix(KeySecret.hintLength)) }
}
