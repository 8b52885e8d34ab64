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
    guard hex.utf8.count == 64, Hex.isHex(hex.utf8) else {
      throw .invalid(
        field: field,
        message: "a SHA-256 is 64 lower-case hexadecimal digits, not \(hex.utf8.count) characters"
          + " of \"\(hex.prefix(80))\"")
    }
    self.hex = hex
  }

  /// Takes the 32 bytes of the hash itself.
  public init(bytes: some Sequence<UInt8>) {
    hex = Hex.encode(bytes)
  }

  public var description: String { hex }
}
