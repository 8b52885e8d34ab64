public import ProtoWire

/// A call with many requests and one response: `send` each request, then `finish`.
///
/// A call that nobody holds any more is cancelled.
public struct ClientStreamingCall<Request: Message, Response: Message>: Sendable {
  private let transport: any ClientCallTransport

  public init(_ transport: any ClientCallTransport) { self.transport = transport }

  /// Sends a message; suspends while the server takes no more. Throws the call's `RPCError` when it has ended already.
  public func send(_ message: Request) async throws {
    try await transport.send(message.serialized())
  }

  /// Says that no message follows: the server hears the end of the requests now. `finish` says so too.
  public func closeSend() async throws { try await transport.closeSend() }

  /// Says that no message follows, and waits for the response. Once.
  ///
  /// - Throws: the call's `RPCError`; UNIMPLEMENTED when the server answers with no message or with several.
  public func finish() async throws -> Response {
    try await transport.closeSend()
    guard let response = try await transport.receive(Response.self) else {
      throw RPCError(.unimplemented, "the response has no message")
    }
    guard try await transport.receive() == nil else {
      transport.cancel()
      throw RPCError(
        .unimplemented, "more than one message where the method gives one response")
    }
    return response
  }

  /// What the server sent before its response; waits for it.
  public var metadata: Metadata {
    get async throws { try await transport.initialMetadata() }
  }

  /// What came with the status; waits for the end of the call.
  public var trailers: Metadata {
    get async { await transport.trailingMetadata() }
  }

  /// Resets the call.
  public func cancel() { transport.cancel() }
}
