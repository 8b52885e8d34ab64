public import ProtoWire

/// A call with one request and many responses: an `AsyncSequence` of them. It throws `RPCError` when the call ends badly.
///
/// Cancelling the task that iterates resets the call; `cancel` does so from anywhere.
public struct ServerStreamingCall<Response: Message>: AsyncSequence, Sendable {
  public typealias Element = Response
  public typealias Failure = any Error

  private let transport: any ClientCallTransport

  public init(_ transport: any ClientCallTransport) { self.transport = transport }

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
