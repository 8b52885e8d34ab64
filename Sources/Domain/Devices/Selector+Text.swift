/// The selector as people write it, in the grammar of Kubernetes' label selectors.
///
/// ```
/// selector    = [ requirement *( "," requirement ) ]
/// requirement = key ( "=" / "==" / "!=" ) value
///             / key ( "in" / "notin" ) "(" value *( "," value ) ")"
///             / key / "!" key
/// ```
extension Selector {
  /// Parses requirements; groups have no text form and stay empty.
  ///
  /// - `""` → everything
  /// - `"env=prod,tier in (a, b)"` → two requirements
  /// - `"!legacy"` → `legacy` must be absent
  /// - `"env="` → env present with an empty value
  /// - `"tier in a"` → error "expected ( after in at 8"
  public init(parsing text: String, field: String = "selector") throws(DomainError) {
    var scanner = Scanner(text: text, field: field)
    var requirements: [Requirement] = []
    scanner.skipSpaces()
    while !scanner.isAtEnd {
      requirements.append(try scanner.requirement())
      scanner.skipSpaces()
      guard !scanner.isAtEnd else { break }
      try scanner.expect(UInt8(ascii: ","), after: "a requirement")
      scanner.skipSpaces()
      guard !scanner.isAtEnd else {
        throw .invalid(field: field, message: "a requirement is missing after the last comma")
      }
    }
    try self.init(requirements: requirements, field: field)
  }

  /// The requirements as text that ``init(parsing:field:)`` reads back.
  public var text: String {
    requirements.map { requirement in
      let (key, values) = (requirement.key, requirement.values)
      return switch requirement.operation {
      case .isIn where values.count == 1: "\(key)=\(values[0])"
      case .notIn where values.count == 1: "\(key)!=\(values[0])"
      case .isIn: "\(key) in (\(values.joined(separator: ", ")))"
      case .notIn: "\(key) notin (\(values.joined(separator: ", ")))"
      case .exists: key
      case .doesNotExist: "!\(key)"
      }
    }.joined(separator: ",")
  }

  private struct Scanner {
    let bytes: [UInt8]
    let field: String
    var position = 0

    init(text: String, field: String) {
      bytes = Array(text.utf8)
      self.field = field
    }

    var isAtEnd: Bool { position == bytes.count }

    mutating func skipSpaces() {
      while position < bytes.count, bytes[position] == UInt8(ascii: " ") { position += 1 }
    }

    mutating func take(_ byte: UInt8) -> Bool {
      guard position < bytes.count, bytes[position] == byte else { return false }
      position += 1
      return true
    }

    mutating func expect(_ byte: UInt8, after what: String) throws(DomainError) {
      guard take(byte) else {
        throw .invalid(
          field: field,
          message: "expected \(Character(Unicode.Scalar(byte))) after \(what) at \(position)")
      }
    }

    /// The longest run of bytes that are no punctuation of the grammar; possibly empty.
    mutating func word() -> String {
      let start = position
      scan: while position < bytes.count {
        switch bytes[position] {
        case UInt8(ascii: " "), UInt8(ascii: ","), UInt8(ascii: "="), UInt8(ascii: "!"),
          UInt8(ascii: "("), UInt8(ascii: ")"):
          break scan
        default: position += 1
        }
      }
      return String(decoding: bytes[start..<position], as: UTF8.self)
    }

    mutating func requirement() throws(DomainError) -> Requirement {
      if take(UInt8(ascii: "!")) {
        skipSpaces()
        return Requirement(key: word(), operation: .doesNotExist)
      }
      let key = word()
      skipSpaces()
      if take(UInt8(ascii: "=")) {
        _ = take(UInt8(ascii: "="))
        skipSpaces()
        return .equals(key, word())
      }
      if take(UInt8(ascii: "!")) {
        try expect(UInt8(ascii: "="), after: "!")
        skipSpaces()
        return Requirement(key: key, operation: .notIn, values: [word()])
      }
      guard !isAtEnd, bytes[position] != UInt8(ascii: ",") else {
        return Requirement(key: key, operation: .exists)
      }
      let start = position
      switch word() {
      case "in":
        return Requirement(key: key, operation: .isIn, values: try list(after: "in"))
      case "notin":
        return Requirement(key: key, operation: .notIn, values: try list(after: "notin"))
      case let other:
        throw .invalid(
          field: field, message: "expected an operator at \(start), found \"\(other)\"")
      }
    }

    mutating func list(after keyword: String) throws(DomainError) -> [String] {
      skipSpaces()
      try expect(UInt8(ascii: "("), after: keyword)
      var values: [String] = []
      repeat {
        skipSpaces()
        values.append(word())
        skipSpaces()
      } while take(UInt8(ascii: ","))
      try expect(UInt8(ascii: ")"), after: "the values")
      return values
    }
  }
}
