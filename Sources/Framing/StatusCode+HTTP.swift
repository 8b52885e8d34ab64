public import RPCCore

extension StatusCode {
  /// The code of a response that carries an HTTP status but no `grpc-status`: a proxy or a plain
  /// HTTP server answered.
  ///
  /// Source: "HTTP to gRPC Status Code Mapping".
  public init(httpStatus: Int) {
    switch httpStatus {
    case 400: self = .internalError
    case 401: self = .unauthenticated
    case 403: self = .permissionDenied
    case 404: self = .unimplemented
    case 429, 502, 503, 504: self = .unavailable
    default: self = .unknown
    }
  }

  /// The code of a stream that the peer reset with an HTTP/2 error code.
  ///
  /// Source: "gRPC over HTTP/2", Errors. STREAM_CLOSED has no mapping there and counts as UNKNOWN,
  /// as do codes that RFC 9113 §7 does not define.
  public init(http2Error: UInt32) {
    switch http2Error {
    case 0x0, 0x1, 0x2, 0x3, 0x4, 0x6, 0x9, 0xa: self = .internalError
    case 0x7: self = .unavailable
    case 0x8: self = .cancelled
    case 0xb: self = .resourceExhausted
    case 0xc: self = .permissionDenied
    case 0xd: self = .internalError
    default: self = .unknown
    }
  }
}

extension FramingError {
  /// The code that ends the stream on which this happened.
  public var code: StatusCode {
    switch self {
    case .messageTooLarge, .gzip(.tooLarge): .resourceExhausted
    case .invalidFlag, .compressedWithoutEncoding, .truncatedMessage: .internalError
    case .gzip(.truncated), .gzip(.trailingBytes), .gzip(.corrupt), .gzip(.outOfMemory):
      .internalError
    }
  }

  /// Code and text for the peer or the caller.
  public var status: RPCStatus { RPCStatus(code: code, message: description) }
}

extension RequestRefusal {
  /// Code and text of the trailers-only answer.
  public var status: RPCStatus {
    switch self {
    case .unsupportedCodec:
      RPCStatus(
        code: .unimplemented, message: "content-type: only application/grpc+proto is served here")
    case .unsupportedEncoding:
      RPCStatus(
        code: .unimplemented, message: "grpc-encoding: only identity and gzip are spoken here")
    case .malformedTimeout:
      RPCStatus(
        code: .internalError, message: "grpc-timeout is not 1 to 8 digits and one of H M S m u n")
    }
  }
}
