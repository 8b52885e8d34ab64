/// Why a message has no JSON form. Only well-known types and excessive nesting can fail.
public enum JSONEncodingError: Error, Hashable, Sendable {
  /// A `google.protobuf.Timestamp` outside 0001-01-01…9999-12-31 or with nanos outside
  /// 0…999,999,999.
  case timestampOutOfRange(seconds: Int64, nanos: Int32)
  /// A `google.protobuf.Duration` beyond ±315,576,000,000 s, or whose nanos are beyond ±999,999,999
  /// or of the other sign.
  case durationOutOfRange(seconds: Int64, nanos: Int32)
  /// A field mask path that does not come back from its camelCase form.
  case fieldMaskPath(String)
  /// `google.protobuf.Value` holds NaN or an infinity, which JSON cannot say.
  case valueNotFinite(Double)
  /// `google.protobuf.Value` with no kind set.
  case valueWithoutKind
  /// `google.protobuf.Any` whose type the registry does not hold.
  case unknownType(String)
  /// `google.protobuf.Any` whose bytes are not a message of its type.
  case malformedAny(String)
  /// Nested deeper than the limit, Anys inside Anys included.
  case tooDeep(limit: Int)
}

extension JSONEncodingError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .timestampOutOfRange(let seconds, let nanos):
      "timestamp of \(seconds) s and \(nanos) ns is outside the years 0001 to 9999"
    case .durationOutOfRange(let seconds, let nanos):
      "duration of \(seconds) s and \(nanos) ns is outside ±315576000000 s or of mixed sign"
    case .fieldMaskPath(let path): "field mask path '\(path)' has no camelCase form"
    case .valueNotFinite(let value): "google.protobuf.Value of \(value) has no JSON form"
    case .valueWithoutKind: "google.protobuf.Value has no kind"
    case .unknownType(let url): "google.protobuf.Any of unknown type '\(url)'"
    case .malformedAny(let url): "google.protobuf.Any holds bytes that are no '\(url)'"
    case .tooDeep(let limit): "nested deeper than \(limit) levels"
    }
  }
}
