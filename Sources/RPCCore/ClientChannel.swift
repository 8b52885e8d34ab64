public import ProtoWire

/// What generated clients call through: a connection to a service, wherever it is.
public protocol ClientChannel: Sendable {
  /// One request, one response with the metadata around it. Throws `RPCError`, which has the metadata of a call that failed;
  /// cancelling the task resets the call.
  func response<Request: Message, Response: Message>(
    _ method: MethodDescriptor<Request, Response>, _ request: Request, options: CallOptions
  ) async throws -> UnaryResponse<Response>

  /// One request, many responses. Failures to start are thrown by the returned call.
  func serverStreaming<Request: Message, Response: Message>(
    _ method: MethodDescriptor<Request, Response>, _ request: Request, options: CallOptions
  ) -> ServerStreamingCall<Response>

  /// Many requests, one response.
  func clientStreaming<Request: Message, Response: Message>(
    _ method: MethodDescriptor<Request, Response>, options: CallOptions
  ) -> ClientStreamingCall<Request, Response>

  /// Many requests, many responses.
  func bidirectionalStreaming<Request: Message, Response: Message>(
    _ method: MethodDescriptor<Request, Response>, options: CallOptions
  ) -> BidirectionalCall<Request, Response>
}

extension ClientChannel {
  /// One request, one response. Throws `RPCError`; cancelling the task resets the call.
  public func unary<Request: Message, Response: Message>(
    _ method: MethodDescriptor<Request, Response>, _ request: Request,
    options: CallOptions = CallOptions()
  ) async throws -> Response {
    try await response(method, request, options: options).message
  }

  /// One request, one response with the metadata around it, and no options.
  public func response<Request: Message, Response: Message>(
    _ method: MethodDescriptor<Request, Response>, _ request: Request
  ) async throws -> UnaryResponse<Response> {
    try await response(method, request, options: CallOptions())
  }
}

/// One call as a channel carries it: messages are encoded bytes. The typed calls below stand on it.
///
/// Safe from any thread; one sender and one receiver at a time.
public protocol ClientCallTransport: AnyObject, Sendable {
  /// Sends a message; suspends while the server or the connection takes no more. Throws the call's `RPCError` when it has ended.
  func send(_ message: [UInt8]) async throws
  /// Says that no message follows. Does nothing the second time, and nothing on a call that has ended.
  func closeSend() async throws
  /// The next response message; nil after an OK end. Throws the call's `RPCError` otherwise.
  func receive() async throws -> [UInt8]?
  /// Resets the stream; whoever waits hears CANCELLED.
  func cancel()
  /// What the server sent before its first message. Waits for it; throws when the call fails first.
  func initialMetadata() async throws -> Metadata
  /// What came with the status. Waits for the end of the call, however it ends; messages that nobody has received do not keep it from coming.
  func trailingMetadata() async -> Metadata
}

extension ClientCallTransport {
  func receive<M: Message>(_ type: M.Type) async throws -> M? {
    guard let bytes = try await receive() else { return nil }
    do {
      return try M(wire: bytes)
    } catch {
      cancel()
      throw RPCError(.internalError, "response \(M.fullName) does not decode: \(error)")
    }
  }
}

/// The response of a unary call with what came beside it.
public struct UnaryResponse<Response: Sendable>: Sendable {
  public var message: Response
  /// What the server sent before the message.
  public var metadata: Metadata
  /// What the server sent with the status.
  public var trailers: Metadata

  public init(message: Response, metadata: Metadata = Metadata(), trailers: Metadata = Metadata()) {
    self.message = message
    self.metadata = metadata
    self.trailers = trailers
  }
}
