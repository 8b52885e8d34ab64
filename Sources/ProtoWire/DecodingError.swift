/// Why bytes are not a valid protobuf message. Offsets count from the start of the outermost message.
public enum DecodingError: Error, Hashable, Sendable {
  /// The message ends inside a value, or a length claims more bytes than are left.
  case truncated(offset: Int)
  /// A varint of more than ten bytes.
  case malformedVarint(offset: Int)
  /// Field number 0, a field number above 2^29-1, wire type 6 or 7, or an end-group without its start.
  case invalidTag(offset: Int)
  /// A `string` field that is not well-formed UTF-8.
  case invalidUTF8(offset: Int)
  /// A `string` field with more combining marks in a row than `DecodingOptions.combiningMarkLimit`.
  case tooManyCombiningMarks(limit: Int, offset: Int)
  /// More nested messages and groups than `DecodingOptions.depthLimit`.
  case nestingTooDeep(limit: Int)
  /// The decoded form would need more memory than `DecodingOptions` grants for this many bytes.
  case allocationBudgetExceeded(limit: Int)
}

extension DecodingError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .truncated(let offset): "message is truncated at byte \(offset)"
    case .malformedVarint(let offset): "varint at byte \(offset) exceeds 10 bytes"
    case .invalidTag(let offset): "invalid field tag at byte \(offset)"
    case .invalidUTF8(let offset): "string at byte \(offset) is not valid UTF-8"
    case .tooManyCombiningMarks(let limit, let offset):
      "string at byte \(offset) has more than \(limit) combining marks in a row"
    case .nestingTooDeep(let limit): "nesting exceeds the limit of \(limit) levels"
    case .allocationBudgetExceeded(let limit):
      "decoding needs more than the \(limit) bytes of memory granted for this message"
    }
  }
}
