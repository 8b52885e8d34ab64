/// What is known about a device, as key → value.
///
/// Keys: 1–63 characters of `A–Z a–z 0–9 - _ . /`, first and last alphanumeric. Values: at most 255 bytes of UTF-8
/// without control characters. At most 64 labels.
public struct Labels: Hashable, Sendable {
  /// How many labels one thing may carry.
  public static let maximumCount = 64
  /// The longest key, in bytes.
  public static let maximumKeyLength = 63
  /// The longest value, in bytes.
  public static let maximumValueLength = 255

  /// The labels themselves.
  public let values: [String: String]

  /// No labels.
  public static let empty = Labels(unchecked: [:])

  /// Labels that were checked when they were stored.
  public init(unchecked values: [String: String]) { self.values = values }

  /// Checks every key and value.
  public init(_ values: [String: String], field: String = "labels") throws(DomainError) {
    guard values.count <= Labels.maximumCount else {
      throw .invalid(
        field: field, message: "\(values.count) labels exceed \(Labels.maximumCount)")
    }
    for (key, value) in values {
      try Labels.check(key: key, field: field)
      try Labels.check(value: value, of: key, field: "\(field)[\(key)]")
    }
    self.values = values
  }

  /// The value of `key`, nil when the label is absent.
  @inlinable
  public subscript(key: String) -> String? { values[key] }

  /// These labels with `changes` set and `removals` taken away; removals are done first.
  public func applying(
    changes: [String: String], removals: [String], field: String = "labels"
  ) throws(DomainError) -> Labels {
    var merged = values
    for key in removals { merged[key] = nil }
    for (key, value) in changes { merged[key] = value }
    return try Labels(merged, field: field)
  }

  static func check(key: String, field: String) throws(DomainError) {
    let bytes = key.utf8
    guard let first = bytes.first, let last = bytes.last else {
      throw .invalid(field: field, message: "a label key is empty")
    }
    guard bytes.count <= maximumKeyLength else {
      throw .invalid(
        field: field,
        message: "label key of \(bytes.count) bytes exceeds \(maximumKeyLength)")
    }
    guard bytes.allSatisfy({ isAlphanumeric($0) || isInner($0) }) else {
      throw .invalid(
        field: field, message: "label key \"\(key)\" may hold letters, digits and - _ . / only")
    }
    guard isAlphanumeric(first), isAlphanumeric(last) else {
      throw .invalid(
        field: field, message: "label key \"\(key)\" must start and end with a letter or digit")
    }
  }

  static func check(value: String, of key: String, field: String) throws(DomainError) {
    let bytes = value.utf8
    guard bytes.count <= maximumValueLength else {
      throw .invalid(
        field: field,
        message:
          "value of label \"\(key)\" of \(bytes.count) bytes exceeds \(maximumValueLength)")
    }
    guard bytes.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
      throw .invalid(field: field, message: "value of label \"\(key)\" has a control character")
    }
  }

  private static func isAlphanumeric(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
    default: false
    }
  }

  private static func isInner(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "/"): true
    default: false
    }
  }
}
