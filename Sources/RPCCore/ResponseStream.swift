public import ProtoWire

/// The responses of a streaming call, in the order they are written.
public struct ResponseStream<Response: Message>: Sendable {
  @usableFromInline let call: ServerCall

  /// The stream of a running call: what generated code passes to a handler.
  @inlinable public init(_ call: ServerCall) { self.call = call }

  /// A stream for calling a service directly: every message goes to `body`, in order, one at a time.
  public init(collecting body: @escaping @Sendable (Response) -> Void) {
    call = CollectingCall { bytes in
      do {
        body(try Response(wire: bytes))
      } catch {
        preconditionFailure("\(Response.fullName) does not read back: \(error)")
      }
    }
  }

  /// Queues a message. Suspends only while 64 KiB or more wait for a client that reads slowly, or too much waits on its connection.
  ///
  /// - Throws: `RPCError` when the call has ended: nobody will read what is written from now on.
  @inlinable nonisolated(nonsending) public func write(_ message: Response) async throws {
    // Before anything is encoded, and again: while this one waited, others may have filled the connection.
    while let gate = call.gate, gate.isClosed { try await call.pass(gate) }
    guard call.loop.isCurrent, !call.compresses, let outbound = call.outbound else {
      return try await call.write(encoded: message.serialized())
    }
    outbound.pointee.append(message: message, sizes: &call.loop.sizes.pointee)
    if outbound.pointee.consumerSleeps { call.wake() }
    if outbound.pointee.count >= ServerCall.highWaterMark {
      call.outputChanged(outbound.pointee.count)
      try await call.drained()
    }
  }

  /// Sends the initial metadata now instead of with the first message.
  public func sendHeaders() {
    let call = call
    call.loop.run { if call.outbound != nil { call.wake() } }
  }

  /// Keeps the response open after the handler has returned: an idle subscription then holds no task.
  ///
  /// Initial metadata is sent at once. Whoever holds the result sends messages and must `finish` it; a handler that throws still ends the call.
  /// Call it once, from the handler.
  public func detach() -> DetachedResponseStream<Response> {
    let call = call
    let state = DetachedState()
    call.loop.run { call.install(state) }
    sendHeaders()
    return DetachedResponseStream(call: call, state: state)
  }
}
