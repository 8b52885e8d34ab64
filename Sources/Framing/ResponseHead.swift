/// What a client has to know of a response's header block, be it head or trailers.
///
/// Fed field by field. Names are lower case, as HTTP/2 demands (RFC 9113 §8.2).
public struct ResponseHead: Sendable, Hashable {
  /// `grpc-retry-pushback-ms`: what the server wants of a client that would retry (gRFC A6).
  public enum Pushback: Sendable, Hashable {
    /// The server does not say.
    case none
    /// Retry after this many milliseconds.
    case milliseconds(Int64)
    /// Do not retry: the value is negative or not a number.
    case never
  }

  /// `:status`; nil in trailers.
  public var httpStatus: Int?
  public var contentType = RequestHead.ContentType.missing
  public var encoding = RequestHead.Encoding.known(.identity)
  /// Name of an encoding that is not spoken here.
  public var foreignEncoding = ""
  /// `grpc-status`; nil when it is missing, a negative number when it is no number.
  public var grpcStatus: Int?
  /// `grpc-message`, percent-decoded.
  public var message = ""
  /// `grpc-status-details-bin`, still in Base64.
  public var statusDetails: [UInt8] = []
  public var pushback = Pushback.none

  public init() {}

  /// Notes one field.
  /// - Returns: whether the field is metadata, which the caller keeps.
  public mutating func note(
    name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer
  ) -> Bool {
    if name.equals(":status") {
      httpStatus = Self.number(value)
    } else if name.equals("content-type") {
      contentType = RequestHead.contentType(value)
    } else if name.equals("grpc-encoding") {
      if let known = MessageEncoding(name: value) {
        encoding = .known(known)
      } else {
        encoding = .unknown
        foreignEncoding = String(decoding: value, as: UTF8.self)
      }
    } else if name.equals("grpc-accept-encoding") {
      // What the server takes: requests are compressed only when the caller asks for it.
    } else if name.equals("grpc-status") {
      grpcStatus = Self.number(value) ?? -1
    } else if name.equals("grpc-message") {
      message = PercentEncoding.decode(value)
    } else if name.equals("grpc-status-details-bin") {
      statusDetails = Array(value)
    } else if name.equals("grpc-retry-pushback-ms") {
      pushback = Self.number(value).map { .milliseconds(Int64($0)) } ?? .never
    } else {
      return name.first != UInt8(ascii: ":")
    }
    return false
  }

  /// Decimal digits, nothing else, of at most nine places.
  private static func number(_ text: UnsafeRawBufferPointer) -> Int? {
    guard !text.isEmpty, text.count <= 9 else { return nil }
    var value = 0
    for byte in text {
      guard byte >= 0x30, byte <= 0x39 else { return nil }
      value = value * 10 + Int(byte - 0x30)
    }
    return value
  }
}
