public import ProtoWire

/// A call with many requests and many responses, each side at its own pace: send from one task, iterate in another.
///
/// The server sees the end of the requests with `closeSend`; a call that nobody holds any more is cancelled.
public struct BidirectionalCall<Request: Message, Response: Message>: AsyncSequence, Sendable {
  public typealias Element = Response
  public typealias Failure = any Error

  private let transport: any ClientCallTransport

  public init(_ transport: any ClientCallTransport) { self.transport = transport }

  /// Sends a message; suspends while the server takes no more. Throws the call's `RPCError` when it has ended already.
  public func send(_ message: Request) async throws {
    try await transport.send(message.serialized())
  }

  /// Says that no message follows: the server's request stream ends behind what was sent. Responses go on until the server
  /// ends them. Does nothing the second time, and nothing on a call that has ended.
  public func closeSend() async throws { try await transport.closeSend() }

  /// What the server sent before its first message; waits for it.
  public var metadata: Metadata {
    get async throws { try await transport.initialMetadata() }
  }

  /// What came with the status; waits for the end of the call.
  public var trailers: Metadata {
    get async { await transport.trailingMetadata() }
  }

  /// Resets the call.
  public func cancel() { transport.cancel() }

  public func makeAsyncIterator() -> Iterator { Iterator(transport: transport) }

  public struct Iterator: AsyncIteratorProtocol {
    let transport: any ClientCallTransport

    public mutating func next() async throws -> Response? {
      try await transport.receive(Response.self)
    }
  }
}
