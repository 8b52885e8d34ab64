/// The paths in lowerCamelCase, joined by commas: `displayName,rollout.maxExposure`.
extension Google_Protobuf_FieldMask: JSONWellKnown {
  public mutating func mergeJSON(from reader: inout JSONReader) throws(JSONDecodingError) {
    let place = reader.position
    let text = try reader.scanString()
    guard !text.isEmpty else { return }
    try reader.checkMarks(text, at: place)
    for path in text.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false) {
      guard let path = Self.snakeCase(path) else {
        throw reader.malformed(text, "google.protobuf.FieldMask", at: place)
      }
      paths.append(path)
    }
  }

  public func writeJSON(to writer: inout JSONWriter) throws(JSONEncodingError) {
    var text: [UInt8] = []
    for (index, path) in paths.enumerated() {
      if index > 0 { text.append(UInt8(ascii: ",")) }
      guard Self.appendCamelCase(path, to: &text) else {
        throw .fieldMaskPath(JSONPath.excerpt(path))
      }
    }
    text.withUnsafeBufferPointer { writer.string($0) }
  }

  /// `nil` for an empty path and for one with an underscore, which camelCase does not have.
  private static func snakeCase(_ path: Slice<UnsafeBufferPointer<UInt8>>) -> String? {
    guard !path.isEmpty else { return nil }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(path.count + 4)
    for byte in path {
      switch byte {
      case UInt8(ascii: "_"): return nil
      case UInt8(ascii: "A")...UInt8(ascii: "Z"):
        bytes.append(UInt8(ascii: "_"))
        bytes.append(byte | 0x20)
      default: bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// False for a path that would not come back: with capitals, with an underscore that no
  /// lower-case letter follows, with a comma, or empty.
  private static func appendCamelCase(_ path: String, to text: inout [UInt8]) -> Bool {
    var afterUnderscore = false
    for byte in path.utf8 {
      switch byte {
      case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: ","): return false
      case UInt8(ascii: "_"):
        if afterUnderscore { return false }
        afterUnderscore = true
      case UInt8(ascii: "a")...UInt8(ascii: "z"):
        text.append(afterUnderscore ? byte & 0xdf : byte)
        afterUnderscore = false
      default:
        if afterUnderscore { return false }
        text.append(byte)
      }
    }
    return !afterUnderscore && !path.isEmpty
  }
}
