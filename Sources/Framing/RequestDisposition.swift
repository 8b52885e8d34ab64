/// What to do with a request, by its head alone.
public enum RequestDisposition: Sendable, Hashable {
  /// A gRPC call: route it.
  case call(MessageEncoding)
  /// A gRPC call that is refused with a trailers-only answer.
  case refuse(RequestRefusal)
  /// Not gRPC, but a plain HTTP request for a path this server answers.
  case plain
  /// HTTP 405 with `allow: POST`.
  case methodNotAllowed
  /// HTTP 415.
  case unsupportedMediaType
}

/// Why a well-formed gRPC request cannot become a call.
public enum RequestRefusal: Sendable, Hashable {
  /// UNIMPLEMENTED: the codec after `application/grpc+` is not protobuf.
  case unsupportedCodec
  /// UNIMPLEMENTED, with `grpc-accept-encoding`: `grpc-encoding` is not spoken here.
  case unsupportedEncoding
  /// INTERNAL: `grpc-timeout` is not digits and a unit.
  case malformedTimeout
}

extension RequestHead {
  /// Decides by method and content type, then by what the call cannot do without.
  ///
  /// - Parameter answersPlainly: whether this server has a plain HTTP answer for the path
  ///   (`/healthz`), to any of GET, HEAD and POST.
  ///
  /// | content-type | method | |
  /// |---|---|---|
  /// | application/grpc, +proto | POST | `.call`, or `.refuse` for an unknown encoding or bad timeout |
  /// | application/grpc+json | POST | `.refuse(.unsupportedCodec)` |
  /// | application/grpc… | other | `.methodNotAllowed` |
  /// | anything else, none | GET, HEAD, POST, path answered plainly | `.plain` |
  /// | anything else, none | POST | `.unsupportedMediaType` |
  /// | anything else, none | other | `.methodNotAllowed` |
  @inlinable
  public func disposition(answersPlainly: @autoclosure () -> Bool) -> RequestDisposition {
    switch contentType {
    case .grpc:
      guard method == .post else { return .methodNotAllowed }
      if case .malformed = timeout { return .refuse(.malformedTimeout) }
      switch encoding {
      case .known(let encoding): return .call(encoding)
      case .unknown: return .refuse(.unsupportedEncoding)
      }
    case .grpcOtherCodec:
      return method == .post ? .refuse(.unsupportedCodec) : .methodNotAllowed
    case .missing, .foreign:
      switch method {
      case .get, .head: return answersPlainly() ? .plain : .methodNotAllowed
      case .post: return answersPlainly() ? .plain : .unsupportedMediaType
      case .missing, .other: return .methodNotAllowed
      }
    }
  }
}
