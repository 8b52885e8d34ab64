/// Why a JSON text was refused: the reason, the byte it happened at and the path that leads there.
///
/// The path is worked out only when an error is made (the text before the offset is scanned once
/// more), so a successful read pays nothing for it. One reference wide: a throwing call returns it
/// in a register.
public struct JSONDecodingError: Error, Hashable, Sendable {
  public enum Reason: Hashable, Sendable {
    /// The text ends inside a value.
    case unexpectedEnd
    /// A token other than the expected one; both as text.
    case unexpected(String, expected: String)
    /// Something other than white space follows the value.
    case trailingContent
    /// Messages, or what is skipped, are nested deeper than the limit.
    case tooDeep(limit: Int)
    /// The decoded form would need more memory than the options grant for a text of this length.
    case allocationBudgetExceeded(limit: Int)
    /// The text is not UTF-8.
    case invalidUTF8
    /// A string has more combining marks in a row than the options allow.
    case tooManyCombiningMarks(limit: Int)
    /// A string holds an unescaped control character.
    case controlCharacter(UInt8)
    /// A backslash is followed by something JSON does not define.
    case invalidEscape
    /// A `\u` surrogate without its other half.
    case unpairedSurrogate
    /// Not the grammar of RFC 8259 §6 (`01`, `+1`, `.5`, `1.`…).
    case malformedNumber(String)
    /// A number with a fraction where an integer belongs.
    case notAnInteger(String)
    /// A number the field's type cannot hold.
    case outOfRange(String, type: String)
    /// Not base64, standard or URL-safe alphabet (RFC 4648 §4, §5).
    case malformedBase64
    /// The message has no such field, and unknown fields are not ignored.
    case unknownField(String, message: String)
    /// A field appears twice, under the same or under both of its names.
    case duplicateField(String)
    /// A map or a `google.protobuf.Struct` names one key twice.
    case duplicateKey(String)
    /// Two members of one oneof are present; the second one is named.
    case oneofSetTwice(String)
    /// The enum has no such name, and unknown names are not ignored.
    case unknownEnumName(String, type: String)
    /// A string that is not the JSON form of a well-known type.
    case malformed(String, type: String)
    /// `google.protobuf.Any` without a usable `@type`.
    case missingType(String)
    /// `google.protobuf.Any` of a type that the registry does not hold.
    case unknownType(String)
  }

  private final class Details: Sendable {
    let reason: Reason
    let offset: Int
    let path: String
    init(reason: Reason, offset: Int, path: String) {
      self.reason = reason
      self.offset = offset
      self.path = path
    }
  }
  private let details: Details

  public init(_ reason: Reason, offset: Int, path: String) {
    details = Details(reason: reason, offset: offset, path: path)
  }

  /// What is wrong.
  public var reason: Reason { details.reason }
  /// The byte of the text it is wrong at, from 0.
  public var offset: Int { details.offset }
  /// Where that is, as `stages[2].exposure`; empty at the root. At most the last 8 steps and 256 bytes.
  public var path: String { details.path }

  public static func == (a: Self, b: Self) -> Bool {
    a.offset == b.offset && a.reason == b.reason && a.path == b.path
  }
  public func hash(into hasher: inout Hasher) {
    hasher.combine(offset)
    hasher.combine(reason)
  }
}

extension JSONDecodingError: CustomStringConvertible {
  public var description: String {
    (path.isEmpty ? "" : "\(path): ") + "\(reason) (byte \(offset))"
  }
}

extension JSONDecodingError.Reason: CustomStringConvertible {
  public var description: String {
    switch self {
    case .unexpectedEnd: "the text ends inside a value"
    case .unexpected(let found, let expected): "found \(found) where \(expected) belongs"
    case .trailingContent: "something follows the value"
    case .tooDeep(let limit): "nested deeper than \(limit) levels"
    case .allocationBudgetExceeded(let limit):
      "needs more than the \(limit) bytes of memory granted for this text"
    case .invalidUTF8: "the text is not UTF-8"
    case .tooManyCombiningMarks(let limit):
      "a string has more than \(limit) combining marks in a row"
    case .controlCharacter(let byte): "unescaped control character \(byte) in a string"
    case .invalidEscape: "a backslash is followed by something that is no escape"
    case .unpairedSurrogate: "a \\u surrogate without its other half"
    case .malformedNumber(let text): "'\(text)' is not a number"
    case .notAnInteger(let text): "'\(text)' is not an integer"
    case .outOfRange(let text, let type): "\(text) does not fit \(type)"
    case .malformedBase64: "the string is not base64"
    case .unknownField(let name, let message): "\(message) has no field '\(name)'"
    case .duplicateField(let name): "field '\(name)' is present twice"
    case .duplicateKey(let key): "key '\(key)' is present twice"
    case .oneofSetTwice(let name): "field '\(name)' sets a oneof that is set already"
    case .unknownEnumName(let name, let type): "\(type) has no value '\(name)'"
    case .malformed(let text, let type): "'\(text)' is not a \(type)"
    case .missingType(let text): "google.protobuf.Any: \(text)"
    case .unknownType(let url): "google.protobuf.Any of unknown type '\(url)'"
    }
  }
}
