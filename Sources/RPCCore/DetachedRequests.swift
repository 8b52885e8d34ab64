internal import ProtoWire

/// Takes the messages of a call one at a time after its handler has returned. Belongs to the call's loop.
final class DetachedRequests<Request: Message>: @unchecked Sendable {
  // Unchecked: used on the call's loop alone.

  private let call: ServerCall
  private let body: RequestStream<Request>.MessageHandler
  private let onEnd: @Sendable (RPCError?) -> Void
  /// A message is being worked on.
  private var isBusy = false
  private var isPumping = false
  /// It goes on when others had their turn on the loop.
  private var isPausing = false
  private var isOver = false

  init(
    _ call: ServerCall, _ body: @escaping RequestStream<Request>.MessageHandler,
    onEnd: @escaping @Sendable (RPCError?) -> Void
  ) {
    self.call = call
    self.body = body
    self.onEnd = onEnd
  }

  /// Works on what has arrived, as far as the last message is done with.
  func pump() {
    guard call.handlerReturned, !isPumping, !isPausing else { return }
    isPumping = true
    defer { isPumping = false }
    while !isBusy, !isOver {
      switch call.pull() {
      case .pending: return
      case .end: end(nil)
      case .failed(let error): end(error)
      case .message(let bytes):
        do throws(RPCError) {
          let message: Request = try call.decode(bytes)
          let isLong = call.needsPause(after: bytes.count)
          work(on: message)
          if isLong { return pause() }
        } catch {
          end(error)
        }
      }
    }
  }

  private func pause() {
    isPausing = true
    call.loop.execute {
      self.isPausing = false
      self.pump()
    }
  }

  private func work(on message: Request) {
    isBusy = true
    call.startPiece { [body] in
      do {
        try await body(message)
        self.done(nil)
      } catch {
        self.done(error)
      }
    }
  }

  private func done(_ error: (any Error)?) {
    call.loop.run {
      self.isBusy = false
      self.call.pieceEnded()
      if let error {
        if !(error is RPCError), !(error is CancellationError) { self.call.unexpected(error) }
        self.end(RPCError(wrapping: error))
      } else {
        self.pump()
      }
    }
  }

  private func end(_ error: RPCError?) {
    guard !isOver else { return }
    isOver = true
    call.receiver = nil
    onEnd(error)
  }
}

extension RequestStream {
  /// Works on one message, where it is called from: the call's loop.
  public typealias MessageHandler = nonisolated(nonsending) @Sendable (Request) async throws -> Void

  /// Takes what still comes of the request without a handler: each message is handed to `body`, one at a time and in order, so a
  /// call that waits for its client holds no task. A `body` that does not return stops the client, as a handler that does not read.
  ///
  /// The response must have been detached. Call it once, as the last thing in the handler.
  /// - Parameter onEnd: called once on the loop: with nil when the client has sent everything, else with what broke the stream or
  ///   was thrown by `body`. It is to finish the response.
  public func detach(
    _ body: @escaping MessageHandler, onEnd: @escaping @Sendable (RPCError?) -> Void
  ) {
    let call = call
    let requests = DetachedRequests(call, body, onEnd: onEnd)
    call.loop.run {
      call.receiver = { requests.pump() }
      requests.pump()
    }
  }
}
