public import ProtoWire
import Synchronization

/// What a call's request side has to offer right now.
public enum InboundMessage {
  /// One message, without its prefix and decompressed; valid until the next `pull`.
  case message(UnsafeRawBufferPointer)
  /// Nothing yet; the reader is woken when that changes.
  case pending
  /// The client has sent everything.
  case end
  /// The stream broke, or broke a rule.
  case failed(RPCError)
}

/// The runtime's side of one call: where generated code and streams put messages and take them from.
///
/// A server subclasses it. Everything but `context`, `loop` and what says otherwise belongs to the loop's thread.
open class ServerCall: @unchecked Sendable {
  // Unchecked: mutable state is touched on `loop` alone; entry points for other threads go through `loop.execute`.

  /// A writer suspends while this many bytes wait to be sent.
  public static let highWaterMark = 64 * 1024
  /// A suspended writer goes on below this many.
  public static let lowWaterMark = 16 * 1024

  public final let context: ServerContext
  public final let loop: CallLoop

  /// Where encoded messages go, prefixes included; nil when nothing can be sent any more.
  public final var outbound: UnsafeMutablePointer<ByteQueue>?
  /// Messages go through `appendCompressed` instead of straight into `outbound`.
  public final var compresses = false
  /// The handler has returned, or never ran.
  public final var handlerReturned = false
  /// A `DetachedResponseStream` keeps the response open beyond the handler.
  public final var isDetached = false

  public final var task: Task<Void, Never>?
  /// Writers that wait for this stream to drain, and those that wait for the connection.
  private final var writers: [UnsafeContinuation<Void, any Error>] = []
  private final var gateWriters: [UnsafeContinuation<Void, any Error>] = []
  private final var reader: UnsafeContinuation<Void, Never>?
  /// Set by a detached stream only.
  final var detached: DetachedState?
  /// Takes request messages when no handler does; set by `RequestStream.detach` only.
  final var receiver: (@Sendable () -> Void)?
  /// A task works on a message that `receiver` took.
  public private(set) final var hasPiece = false
  /// What was taken since the last pause: bytes, and some for each message.
  private final var streak = 0
  /// What holds the connection's calls back from encoding; nil: nothing does. Set before the call begins.
  public final var gate: OutputGate?
  /// It is in line at the gate; the gate's to change.
  final var waitsAtGate = false

  public init(context: ServerContext, loop: CallLoop) {
    self.context = context
    self.loop = loop
  }

  // MARK: What the runtime implements

  /// Bytes were put into `outbound` while its consumer slept, or `sendHeaders` was asked for. Called once per sleep.
  open func wake() { fatalError("a ServerCall must override wake") }
  /// Compresses and queues one message.
  open func appendCompressed(_ message: UnsafeRawBufferPointer) {
    fatalError("a ServerCall must override appendCompressed")
  }
  /// The next request message, opening the flow-control window by what it took.
  open func pull() -> InboundMessage { fatalError("a ServerCall must override pull") }
  /// Ends the response: `nil` is OK. The first end counts.
  open func finish(_ error: RPCError?) { fatalError("a ServerCall must override finish") }
  /// The handler's task is over: `handlerReturned` was just set.
  open func handlerDidReturn() {}
  /// A message that came after the handler had returned is done with: `hasPiece` was just cleared.
  open func pieceDidEnd() {}
  /// `count` bytes, a writer's high-water mark or more, wait in `outbound` after a message was put in.
  open func outputChanged(_ count: Int) {}
  /// A handler threw what is not an `RPCError`: the peer hears a generic text, this is for the log.
  open func unexpected(_ error: any Error) {}

  // MARK: Handlers

  /// Runs a handler right here until it first suspends; it goes on with the loop as its executor.
  @inlinable public final func start(_ operation: @escaping @Sendable () async -> Void) {
    let task = Task.immediate(executorPreference: loop, operation: operation)
    guard !handlerReturned else { return }
    self.task = task
    // The call may have ended before there was a task to cancel.
    if context.isCancelled { task.cancel() }
  }

  /// The handler's answer: queued, then the call ends with OK.
  @inlinable public final func respond<M: Message>(_ response: M) {
    if loop.isCurrent, !compresses {
      if let outbound {
        outbound.pointee.append(message: response, sizes: &loop.sizes.pointee)
        if outbound.pointee.count >= ServerCall.highWaterMark {
          outputChanged(outbound.pointee.count)
        }
      }
      end(nil)
    } else {
      respond(encoded: response.serialized())
    }
  }

  @usableFromInline final func respond(encoded: [UInt8]) {
    loop.run {
      self.append(encoded)
      self.end(nil)
    }
  }

  /// The handler is over: with a thrown error, or nil. A detached response stays open unless an error ends it.
  public final func end(_ error: (any Error)?) {
    guard loop.isCurrent else {
      loop.execute { self.end(error) }
      return
    }
    handlerReturned = true
    task = nil
    if let error {
      if !(error is RPCError), !(error is CancellationError) { unexpected(error) }
      finish(RPCError(wrapping: error))
    } else if !isDetached {
      finish(nil)
    }
    handlerDidReturn()
    receiver?()
  }

  /// Runs the work on one message of a call whose handler has returned. Loop only, one at a time.
  final func startPiece(_ operation: @escaping @Sendable () async -> Void) {
    hasPiece = true
    let piece = Task.immediate(executorPreference: loop, operation: operation)
    guard hasPiece else { return }
    task = piece
    if context.isCancelled { piece.cancel() }
  }

  final func pieceEnded() {
    hasPiece = false
    task = nil
    pieceDidEnd()
  }

  // MARK: Writing

  /// Queues an encoded message; false when nothing can be sent any more. Loop only.
  @discardableResult
  public final func append(_ message: [UInt8]) -> Bool {
    message.withUnsafeBytes { append($0) }
  }

  /// Queues an encoded message; false when nothing can be sent any more. Loop only.
  @discardableResult
  public final func append(_ message: UnsafeRawBufferPointer) -> Bool {
    guard let outbound else { return false }
    if compresses {
      appendCompressed(message)
    } else {
      outbound.pointee.append(encoded: message)
    }
    if outbound.pointee.consumerSleeps { wake() }
    if outbound.pointee.count >= ServerCall.highWaterMark {
      outputChanged(outbound.pointee.count)
    }
    return true
  }

  /// The error of a write that comes too late.
  public static var ended: RPCError { RPCError(.cancelled, "the call has ended") }

  /// Waits until the queue has drained below the low-water mark. On the loop.
  @usableFromInline nonisolated(nonsending) final func drained() async throws {
    try await withUnsafeThrowingContinuation {
      (continuation: UnsafeContinuation<Void, any Error>) in
      guard let outbound else { return continuation.resume(throwing: ServerCall.ended) }
      if outbound.pointee.count < ServerCall.highWaterMark { return continuation.resume() }
      wait(continuation)
    }
  }

  /// Waits until the connection may hold more output.
  @usableFromInline nonisolated(nonsending) final func pass(_ gate: OutputGate) async throws {
    try await withUnsafeThrowingContinuation {
      (continuation: UnsafeContinuation<Void, any Error>) in
      loop.run {
        guard self.outbound != nil else {
          return continuation.resume(throwing: ServerCall.ended)
        }
        guard gate.isClosed else { return continuation.resume() }
        self.gateWriters.append(continuation)
        gate.wait(self)
      }
    }
  }

  /// Tells a detached stream when the connection may hold more output. Loop only.
  final func awaitGate() {
    guard let detached else { return }
    if let gate, gate.isClosed { gate.wait(self) } else { detached.tellIfWritable(self) }
  }

  /// The gate that this call waited for has opened. Loop only.
  open func gateOpened() {
    let waiting = gateWriters
    gateWriters = []
    for writer in waiting { writer.resume() }
    detached?.tellIfWritable(self)
  }

  /// Writes from a thread that is not the loop's, or with compression.
  @usableFromInline nonisolated(nonsending) final func write(encoded message: [UInt8])
    async throws
  {
    try await withUnsafeThrowingContinuation {
      (continuation: UnsafeContinuation<Void, any Error>) in
      loop.run {
        guard self.append(message), let outbound = self.outbound else {
          return continuation.resume(throwing: ServerCall.ended)
        }
        if outbound.pointee.count < ServerCall.highWaterMark { return continuation.resume() }
        self.wait(continuation)
      }
    }
  }

  private final func wait(_ continuation: UnsafeContinuation<Void, any Error>) {
    writers.append(continuation)
    outbound?.pointee.producerWaits = true
  }

  // MARK: Events from the transport

  /// The transport took bytes out of `outbound` whose producer waits. Loop only.
  public final func didDrain() {
    guard let outbound else { return }
    let left = outbound.pointee.count
    detached?.settle(left, self)
    guard left < ServerCall.lowWaterMark, !writers.isEmpty else { return }
    outbound.pointee.producerWaits = detached != nil
    let waiting = writers
    writers = []
    for writer in waiting { writer.resume() }
  }

  /// Request bytes arrived, ended or failed. Loop only.
  public final func inboundChanged() {
    guard let waiting = reader else {
      receiver?()
      return
    }
    reader = nil
    waiting.resume()
  }

  /// Whether somebody waits for the client to send the next message. Loop only.
  public final var awaitsRequest: Bool { reader != nil || (receiver != nil && !hasPiece) }

  /// Nobody waits for the answer any more: the task of the handler, or of what it left behind, is cancelled. Loop only.
  public final func cancelHandler() {
    guard !handlerReturned || hasPiece else { return }
    context.markCancelled()
    task?.cancel()
  }

  /// Nothing can be sent any more: fails those who wait to write, and tells a detached stream why. Loop only.
  public final func responseEnded(_ error: RPCError?) {
    outbound = nil
    gate?.leave(self)
    if !writers.isEmpty || !gateWriters.isEmpty {
      let waiting = writers + gateWriters
      writers = []
      gateWriters = []
      for writer in waiting { writer.resume(throwing: error ?? ServerCall.ended) }
    }
    if let ending = detached {
      detached = nil
      ending.ended(error)
    }
    receiver?()
  }

  // MARK: Reading

  /// Counts a message of `bytes` that was taken without a pause; true when the loop should have its turn with others.
  ///
  /// What has arrived at once would be worked on at once: a client's whole window of small messages, or one of messages that
  /// inflate to a thousand times their size.
  @usableFromInline final func needsPause(after bytes: Int) -> Bool {
    streak += 4 * 1024 + bytes
    guard streak >= ServerCall.longestStreak else { return false }
    streak = 0
    return true
  }

  private static let longestStreak = 256 * 1024

  /// Suspends until `pull` may have something new, or the task is cancelled. On the loop.
  @usableFromInline nonisolated(nonsending) final func inboundArrival() async {
    await withTaskCancellationHandler {
      await withUnsafeContinuation { reader = $0 }
    } onCancel: {
      loop.execute { self.inboundChanged() }
    }
  }

  /// For readers on other threads: the next message copied; nil at the end.
  @usableFromInline nonisolated(nonsending) final func pullCopy() async throws -> [UInt8]? {
    let cancellation = Cancellation()
    while true {
      let step: Step = await withTaskCancellationHandler {
        await withUnsafeContinuation { continuation in
          loop.run {
            switch self.pull() {
            case .message(let bytes): continuation.resume(returning: .message([UInt8](bytes)))
            case .end: continuation.resume(returning: .end)
            case .failed(let error): continuation.resume(returning: .failed(error))
            // A cancellation that reached the loop before this found nobody to wake.
            case .pending where cancellation.hasHappened.load(ordering: .acquiring):
              continuation.resume(returning: .retry)
            case .pending:
              self.awaitInbound(continuation)
            }
          }
        }
      } onCancel: {
        cancellation.hasHappened.store(true, ordering: .releasing)
        loop.execute { self.inboundChanged() }
      }
      switch step {
      case .message(let bytes): return bytes
      case .end: return nil
      case .failed(let error): throw error
      case .retry: try Task.checkCancellation()
      }
    }
  }

  private final class Cancellation: Sendable {
    let hasHappened = Atomic<Bool>(false)
  }

  private enum Step: Sendable {
    case message([UInt8])
    case end
    case failed(RPCError)
    case retry
  }

  private final func awaitInbound(_ continuation: UnsafeContinuation<Step, Never>) {
    Task.immediate(executorPreference: loop) {
      await withUnsafeContinuation { self.reader = $0 }
      continuation.resume(returning: .retry)
    }
  }

  // MARK: Detached responses

  /// Keeps the response open beyond the handler; only the first detachment counts. Loop only.
  final func install(_ state: DetachedState) {
    guard !isDetached, outbound != nil else { return state.ended(ServerCall.ended) }
    isDetached = true
    detached = state
    outbound?.pointee.producerWaits = true
  }
}
