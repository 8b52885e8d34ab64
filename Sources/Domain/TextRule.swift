/// The syntax and length of a text that a caller may choose.
///
/// Lengths are in bytes of UTF-8, because that is what is stored and sent.
///
/// - name: `fraud-score` → accepted; `Fraud`, `-a`, `a-`, `` and 64 letters → refused
/// - versionName: `2.1.0`, `v2+gpu_A` → accepted; `.1` and `2 1` → refused
/// - displayName: 200 bytes → accepted, 201 → refused; a line feed → refused
/// - description: a line feed → accepted
public enum TextRule: Hashable, Sendable, CaseIterable {
  /// What identifies a resource among its siblings: 1 to 63 of `a–z 0–9 -`, a letter or digit at both ends.
  case name
  /// A name that may also be a version number: 1 to 63 of `A–Z a–z 0–9 . + _ -`, beginning with a letter or digit.
  case versionName
  /// Empty, or a ``name``.
  case optionalName
  /// What people call a resource: at most 200 bytes, one line.
  case displayName
  /// As ``displayName``, and not empty.
  case requiredDisplayName
  /// A text for people: at most 4096 bytes.
  case description
  /// Why somebody did something: at most 1024 bytes.
  case reason
  /// What a device calls itself: 1 to 128 bytes, one line.
  case hardwareID
  /// An identifier that others define, for instance a bundle id or a media type: at most 255 bytes, one line.
  case foreignIdentifier

  /// The shortest and the longest text, in bytes.
  public var lengths: ClosedRange<Int> {
    switch self {
    case .name, .versionName: 1...63
    case .optionalName: 0...63
    case .displayName: 0...200
    case .requiredDisplayName: 1...200
    case .description: 0...4096
    case .reason: 0...1024
    case .hardwareID: 1...128
    case .foreignIdentifier: 0...255
    }
  }

  /// The text, when it keeps the rule; else an error that names `field` and the bound.
  @discardableResult
  public func check(_ text: String, field: String) throws(DomainError) -> String {
    let count = text.utf8.count
    guard count >= lengths.lowerBound else {
      throw .invalid(field: field, message: "is required")
    }
    guard count <= lengths.upperBound else {
      throw .invalid(field: field, message: "\(count) bytes exceed \(lengths.upperBound)")
    }
    switch self {
    case .name: try checkName(text, field)
    case .optionalName: if !text.isEmpty { try checkName(text, field) }
    case .versionName:
      let isWord = text.hasOnlyBytes { byte in
        byte.isLetterOrDigit || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "+")
          || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-")
      }
      guard isWord, text.utf8.first.map(\.isLetterOrDigit) ?? false else {
        throw .invalid(
          field: field,
          message: "\"\(text)\" may hold letters, digits and . + _ - only and must begin with a"
            + " letter or digit")
      }
    case .description, .reason:
      let isAllowed =
        text.hasNoControls
        || text.hasOnlyBytes { $0 >= 0x20 || $0 == 0x0A || $0 == 0x09 || $0 == 0x0D }
      guard isAllowed else {
        throw .invalid(field: field, message: "has a control character")
      }
    case .displayName, .requiredDisplayName, .hardwareID, .foreignIdentifier:
      guard text.hasNoControls else {
        throw .invalid(field: field, message: "has a control character")
      }
    }
    return text
  }

  private func checkName(_ text: String, _ field: String) throws(DomainError) {
    let hyphen = UInt8(ascii: "-")
    let isWord = text.hasOnlyBytes { $0.isLowerCaseLetterOrDigit || $0 == hyphen }
    guard isWord, text.utf8.first != hyphen, text.utf8.last != hyphen else {
      throw .invalid(
        field: field,
        message: "\"\(text)\" may hold lower-case letters, digits and inner hyphens only")
    }
  }
}

extension String {
  /// Whether no byte is a control character. Looks at all of them, many at a time.
  fileprivate var hasNoControls: Bool {
    func count(_ bytes: UnsafeBufferPointer<UInt8>) -> Int {
      var count = 0
      for byte in bytes { count &+= byte < 0x20 || byte == 0x7F ? 1 : 0 }
      return count
    }
    if let controls = utf8.withContiguousStorageIfAvailable(count) { return controls == 0 }
    return hasOnlyBytes { $0 >= 0x20 && $0 != 0x7F }
  }

  /// Whether every byte of the UTF-8 is one of those; native strings are read as the array they are.
  fileprivate func hasOnlyBytes(_ isAllowed: (UInt8) -> Bool) -> Bool {
    utf8.withContiguousStorageIfAvailable { $0.allSatisfy(isAllowed) }
      ?? utf8.allSatisfy(isAllowed)
  }
}

extension UInt8 {
  fileprivate var isLowerCaseLetterOrDigit: Bool {
    (0x30...0x39).contains(self) || (0x61...0x7A).contains(self)
  }

  fileprivate var isLetterOrDigit: Bool {
    isLowerCaseLetterOrDigit || (0x41...0x5A).contains(self)
  }
}
