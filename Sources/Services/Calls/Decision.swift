internal import ProtoWire
internal import RPCCore
internal import Store

/// What becomes of a change and of its caller: both may differ.
enum Decision<Response: Message>: Sendable {
  /// Kept, and answered with the response.
  case done(Response)
  /// Kept, and answered with an error: an approval that came too late expires its request and fails.
  case refused(RPCError)

  /// Kept, and answered with an error of the services.
  static func refused(_ error: ServiceError) -> Decision { .refused(StatusMapping.map(error)) }

  /// The response; throws the refusal.
  var response: Response {
    get throws {
      switch self {
      case .done(let response): return response
      case .refused(let error): throw error
      }
    }
  }

  /// What was stored for a request, as it was decided.
  init(_ stored: IdempotentResponse) throws {
    guard stored.isRefusal else {
      self = .done(try Response(wire: stored.bytes))
      return
    }
    let status = try Google_Rpc_Status(wire: stored.bytes)
    guard let code = StatusCode(rawValue: Int(status.code)) else {
      throw StoreError.failure("a stored refusal has the code \(status.code)")
    }
    self = .refused(RPCError(code, status.message, details: status.details))
  }
}

extension IdempotentResponse {
  /// What is stored of a decision; `storing` makes of a response what may be kept of it.
  init<Response: Message>(_ decision: Decision<Response>, storing: (Response) -> Response) {
    switch decision {
    case .done(let response):
      self.init(bytes: storing(response).serialized())
    case .refused(let error):
      self.init(
        bytes: Google_Rpc_Status.with {
          $0.code = Int32(error.code.rawValue)
          $0.message = error.message
          $0.details = error.details
        }.serialized(), isRefusal: true)
    }
  }
}
