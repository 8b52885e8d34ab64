/// What a runtime has to know of a request's header block before it can route the stream.
///
/// Fed field by field as HPACK decodes them; keeps no copy of any value. Names are lower case, as
/// HTTP/2 demands (RFC 9113 §8.2).
public struct RequestHead: Sendable {
  /// `:method`.
  public enum Method: UInt8, Sendable {
    case missing, post, get, head, other
  }

  /// `content-type`.
  public enum ContentType: UInt8, Sendable {
    case missing
    /// `application/grpc` or `application/grpc+proto`, with or without parameters.
    case grpc
    /// `application/grpc+` something that is not protobuf.
    case grpcOtherCodec
    case foreign
  }

  /// `grpc-encoding`.
  public enum Encoding: Sendable, Hashable {
    case known(MessageEncoding)
    case unknown
  }

  /// `grpc-timeout`.
  public enum Timeout: Sendable, Hashable {
    case none
    /// Nanoseconds from the arrival of the headers.
    case nanoseconds(Int64)
    case malformed
  }

  /// What kind of field was just noted.
  public enum Field: UInt8, Sendable {
    /// `:path`; the caller keeps its value, routing is done by bytes.
    case path
    /// `:authority` or `host`.
    case authority
    /// Belongs to the protocol; its content is in this head where it matters.
    case reserved
    /// Anything else: the metadata of the call.
    case metadata
  }

  public var method = Method.missing
  public var contentType = ContentType.missing
  public var encoding = Encoding.known(.identity)
  public var timeout = Timeout.none
  /// Whether `grpc-accept-encoding` lists gzip.
  public var acceptsGzip = false

  public init() {}

  /// Notes one field and says what it is.
  public mutating func note(
    name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer
  ) -> Field {
    switch name.count {
    case 2 where name.equals("te"):
      return .reserved
    case 4 where name.equals("host"):
      return .authority
    case 5 where name.equals(":path"):
      return .path
    case 7 where name.equals(":method"):
      method = Self.method(value)
      return .reserved
    case 7 where name.equals(":scheme"):
      return .reserved
    case 10 where name.equals(":authority"):
      return .authority
    case 12 where name.equals("content-type"):
      contentType = Self.contentType(value)
      return .reserved
    case 12 where name.equals("grpc-timeout"):
      timeout = GRPCTimeout.parse(value).map { .nanoseconds($0) } ?? .malformed
      return .reserved
    case 13 where name.equals("grpc-encoding"):
      encoding = MessageEncoding(name: value).map { .known($0) } ?? .unknown
      return .reserved
    case 14 where name.equals("content-length"):
      return .reserved
    case 17 where name.equals("grpc-message-type"):
      return .reserved
    case 20 where name.equals("grpc-accept-encoding"):
      acceptsGzip = MessageEncoding.gzip.isAccepted(by: value)
      return .reserved
    default:
      return .metadata
    }
  }

  private static func method(_ value: UnsafeRawBufferPointer) -> Method {
    if value.equals("POST") { return .post }
    if value.equals("GET") { return .get }
    if value.equals("HEAD") { return .head }
    return .other
  }

  /// Classifies a `content-type`. Media types are compared without regard to case (RFC 9110 §8.3.1).
  public static func contentType(_ value: UnsafeRawBufferPointer) -> ContentType {
    let base: StaticString = "application/grpc"
    guard value.hasPrefixIgnoringCase(base) else { return .foreign }
    let rest = UnsafeRawBufferPointer(rebasing: value[base.utf8CodeUnitCount...])
    guard let next = rest.first else { return .grpc }
    if next == UInt8(ascii: ";") || next.isBlank { return .grpc }
    guard next == UInt8(ascii: "+") else { return .foreign }
    guard rest.hasPrefixIgnoringCase("+proto") else { return .grpcOtherCodec }
    if rest.count == 6 || rest[6] == UInt8(ascii: ";") || rest[6].isBlank { return .grpc }
    return .grpcOtherCodec
  }
}
