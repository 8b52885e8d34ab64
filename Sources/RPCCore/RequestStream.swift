public import ProtoWire

/// The requests of a streaming call. Taking a message opens the flow-control window by its size, so a handler that does not read stops the client.
///
/// One reader at a time.
public struct RequestStream<Request: Message>: AsyncSequence, Sendable {
  public typealias Element = Request
  public typealias Failure = any Error

  @usableFromInline let call: ServerCall

  /// The stream of a running call: what generated code passes to a handler.
  @inlinable public init(_ call: ServerCall) { self.call = call }

  /// A stream for calling a service directly.
  public init(_ messages: [Request]) {
    call = ScriptedCall(messages.map { $0.serialized() })
  }

  @inlinable public func makeAsyncIterator() -> Iterator { Iterator(call: call) }

  public struct Iterator: AsyncIteratorProtocol {
    @usableFromInline let call: ServerCall

    @usableFromInline init(call: ServerCall) { self.call = call }

    /// The next message; nil after the last.
    ///
    /// - Throws: `RPCError` when the stream broke or a message does not decode, `CancellationError` when the call was cancelled.
    @inlinable public mutating func next() async throws -> Request? {
      try await next(isolation: nil)
    }

    @inlinable public mutating func next(isolation actor: isolated (any Actor)?) async throws
      -> Request?
    {
      guard call.loop.isCurrent else {
        guard let bytes = try await call.pullCopy() else { return nil }
        return try bytes.withUnsafeBytes { try call.decode($0) }
      }
      while true {
        switch call.pull() {
        case .message(let bytes):
          let message: Request = try call.decode(bytes)
          if call.needsPause(after: bytes.count) { await Task.yield() }
          return message
        case .end: return nil
        case .failed(let error): throw error
        case .pending:
          try Task.checkCancellation()
          await call.inboundArrival()
        }
      }
    }
  }
}

extension ServerCall {
  /// Decodes one request message. What is no message is INTERNAL, as stock servers answer; one that breaks a rule is INVALID_ARGUMENT,
  /// one that would take too much memory RESOURCE_EXHAUSTED.
  @inlinable public final func decode<M: Message>(_ bytes: UnsafeRawBufferPointer) throws(RPCError)
    -> M
  {
    do {
      return try M(wire: bytes)
    } catch {
      throw ServerCall.undecodable(M.fullName, error)
    }
  }

  @usableFromInline static func undecodable(_ name: String, _ error: DecodingError) -> RPCError {
    let code: StatusCode =
      switch error {
      case .tooManyCombiningMarks, .nestingTooDeep: .invalidArgument
      case .allocationBudgetExceeded: .resourceExhausted
      case .truncated, .malformedVarint, .invalidTag, .invalidUTF8: .internalError
      }
    return RPCError(code, "request \(name) does not decode: \(error)")
  }
}
