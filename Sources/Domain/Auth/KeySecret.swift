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
    text = kind.rawValue + Base64URL.encode(bytes)
  }

  /// Takes a secret as it was written down; nil for what is none.
  ///
  /// - `sk-` and 43 × `A` → that secret, with a line's end behind it → nil
  public init?(text: String) {
    guard text.hasPrefix(Kind.apiKey.rawValue),
      Base64URL.decode(String(text.dropFirst(3)))?.count == KeySecret.randomByteCount
    else { return nil }
    self.text = text
  }

  /// The characters that are kept and shown.
  public var hint: String { String(text.prefix(KeySecret.hintLength)) }
}
