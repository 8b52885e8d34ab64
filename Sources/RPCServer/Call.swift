import Framing
import HTTP2
import Logging
import RPCCore
import Transport

/// One gRPC call on one stream of a connection: cuts the request into messages, runs the handler, submits the response.
///
/// Belongs to the connection's loop, as its superclass says. Outlives its stream while the handler runs.
final class Call: ServerCall, DeadlineOwner, @unchecked Sendable {
  // Unchecked: as `ServerCall`.

  let server: ServerCore
  let method: ServedMethod
  let encoding: MessageEncoding
  private let answersGzip: Bool
  @exclusivity(unchecked) private(set) var connection: ServerConnection?
  @exclusivity(unchecked) private(set) var stream: ServerStream.Reference?
  @exclusivity(unchecked) private var timer: TimerWheel.Timer?
  @exclusivity(unchecked) private var hasStarted = false
  @exclusivity(unchecked) private(set) var isFinished = false
  /// How many interceptors have seen the call start.
  @exclusivity(unchecked) private var interceptorCount = 0
  /// Bytes at the head of `inbound` whose window was given back already.
  @exclusivity(unchecked) var credited = 0
  /// The calls of its connection; nil once the stream is gone.
  @exclusivity(unchecked) private var calls: ConnectionCalls?
  /// On whom the call counts; nil before it has a place.
  @exclusivity(unchecked) private var account: Account?
  @exclusivity(unchecked) private var hasPlace = false
  /// Bytes of the request that count on the account.
  @exclusivity(unchecked) private var chargedRequest = 0
  /// Bytes of the response that count on the account and on the connection.
  @exclusivity(unchecked) private var chargedResponse = 0
  /// The request is complete, and waits for the connection to have room for a response.
  @exclusivity(unchecked) private var isHeldBack = false
  @exclusivity(unchecked) private var patience = StreamPatience()
  /// Bytes of the message that was taken last, inflated, until the next is asked for; of the metadata.
  @exclusivity(unchecked) private var takenBytes = 0
  private let metadataBytes: Int

  init(
    server: ServerCore, method: ServedMethod, context: ServerContext, encoding: MessageEncoding,
    acceptsGzip: Bool, connection: ServerConnection, calls: ConnectionCalls,
    stream: ServerStream.Reference
  ) {
    self.server = server
    self.method = method
    self.encoding = encoding
    self.connection = connection
    self.calls = calls
    self.stream = stream
    answersGzip = encoding == .gzip && acceptsGzip
    metadataBytes = context.requestMetadata.byteCount
    super.init(context: context, loop: connection.loop)
    compresses = answersGzip
    gate = calls.gate
    stream.pointee.outbound.consumerSleeps = true
    outbound = withUnsafeMutablePointer(to: &stream.pointee.outbound) { $0 }
  }

  // MARK: Start

  /// The request's head is complete: asks the interceptors, takes a place, and starts a handler that takes a stream of requests.
  func begin() {
    guard let connection, let calls else { return }
    do {
      if let deadline = context.deadline {
        if deadline.nanoseconds <= connection.loop.now { throw Self.deadlinePassed }
        timer = connection.loop.arm(self, at: deadline.nanoseconds)
      }
      for interceptor in server.interceptors {
        interceptorCount += 1
        try interceptor.callStarted(context)
      }
      let (account, network) = calls.accounts(of: context, connection)
      try server.admission.admit(
        method, account, network: network, tier: context.tier, now: connection.loop.now)
      self.account = account
      hasPlace = true
      if let refusal = countRequest(stream?.pointee.inbound.count ?? 0) { throw refusal }
      if method.descriptor.kind.clientStreams {
        try startHandler(UnsafeRawBufferPointer(start: nil, count: 0))
      }
    } catch {
      refuse(error)
    }
  }

  private static let deadlinePassed = RPCError(.deadlineExceeded, "the deadline has passed")

  private func startHandler(_ request: UnsafeRawBufferPointer) throws(RPCError) {
    // The timer is late by up to a slot; what it has not seen yet must not start either.
    if let deadline = context.deadline, let loop = connection?.loop,
      deadline.nanoseconds - loop.now < 2 * TimerWheel.resolution, deadline.hasPassed
    {
      throw Self.deadlinePassed
    }
    hasStarted = true
    method.registered.start(self, request)
  }

  /// Ends a call whose handler never ran.
  private func refuse(_ error: any Error) {
    handlerReturned = true
    if !(error is RPCError) { unexpected(error) }
    finish(RPCError(wrapping: error))
  }

  override func handlerDidReturn() {
    if isDetached {
      stream?.pointee.releaseIdleMemory()
      if let calls, calls.isDraining { drain() }
    }
    leave()
  }

  override func pieceDidEnd() { leave() }

  /// Gives the place back once nobody works on the call and nobody waits for its response.
  private func leave() {
    guard hasPlace, isFinished, handlerReturned, !hasPiece, let account else { return }
    hasPlace = false
    charge(0, account)
    server.admission.release(method, account)
  }

  override func unexpected(_ error: any Error) {
    server.logger.error(
      "a handler failed",
      metadata: [
        "method": "\(context.method)", "peer": "\(context.peer)", "error": "\(error)",
      ])
  }

  // MARK: Request

  /// DATA arrived.
  func dataArrived() {
    guard let stream, let connection else { return }
    guard !isFinished else {
      connection.session.consume(stream.pointee.inbound.count, of: stream)
      stream.pointee.inbound.clear()
      return
    }
    if method.descriptor.kind.clientStreams {
      // First: whoever is told takes messages at once, and a refusal frees what they point to.
      chargeWaiting()
      if !isFinished { inboundChanged() }
    } else if !stream.pointee.isRemoteClosed {
      do throws(FramingError) {
        if let length = try messageLength(stream.pointee.inbound.bytes) {
          if stream.pointee.inbound.count > length { return refuse(Self.severalMessages) }
        } else {
          creditPartial()
        }
        chargeWaiting()
      } catch {
        refuse(RPCError(error))
      }
    }
  }

  /// The client has sent everything.
  func remoteEnded() {
    // Nothing starts for a client that has gone, though its request was complete.
    guard !isFinished, let stream, !stream.pointee.isClosed else { return }
    if method.descriptor.kind.clientStreams { return inboundChanged() }
    if let gate, gate.isClosed {
      isHeldBack = true
      gate.wait(self)
      return
    }
    chargeWaiting()
    guard !isFinished else { return }
    switch pull() {
    case .message(let bytes):
      guard stream.pointee.inbound.isEmpty else {
        return refuse(Self.severalMessages)
      }
      do {
        try startHandler(bytes)
      } catch {
        refuse(error)
      }
    case .end, .pending: refuse(RPCError(.unimplemented, "the request has no message"))
    case .failed(let error): refuse(error)
    }
  }

  private static let severalMessages = RPCError(
    .unimplemented, "more than one message where the method takes one request")

  override func gateOpened() {
    if isHeldBack {
      isHeldBack = false
      remoteEnded()
    } else {
      super.gateOpened()
    }
  }

  override func pull() -> InboundMessage {
    guard let stream, !isFinished else { return .failed(ServerCall.ended) }
    takenBytes = 0
    let message = takeMessage(stream)
    if case .message(let bytes) = message { takenBytes = bytes.count }
    // Refused is what a message inflates to; the one that refuses frees nothing to which the message points.
    if let refusal = countRequest(stream.pointee.inbound.count) {
      takenBytes = 0
      return .failed(refusal)
    }
    return message
  }

  /// Counts what waits of the request; refuses the call when that is too much.
  private func chargeWaiting() {
    guard let waiting = stream?.pointee.inbound.count, let refusal = countRequest(waiting) else {
      return
    }
    if hasStarted { finish(refusal) } else { refuse(refusal) }
  }

  /// Counts what the call holds of its request on the caller's account, beyond what every call may hold: its metadata, the message
  /// that was taken last, and `waiting` bytes. Says why that is too much, and counts what it did before then.
  private func countRequest(_ waiting: Int) -> RPCError? {
    guard let account else { return nil }
    let held = max(0, metadataBytes + takenBytes + waiting - Admission.freeRequestBytes)
    guard held != chargedRequest, let refusal = charge(held, account) else { return nil }
    return server.admission.error(refusal, of: "bytes of requests", account)
  }

  /// Makes the account hold `bytes` for this call; the reason why not.
  @discardableResult
  private func charge(_ bytes: Int, _ account: Account) -> Supply.Refusal? {
    let more = bytes - chargedRequest
    guard more != 0 else { return nil }
    let supply = server.admission.requestBytes
    if more < 0 {
      supply.give(-more, by: account.requestBytes)
    } else if let refusal = supply.take(more, by: account.requestBytes) {
      return refusal
    }
    chargedRequest = bytes
    return nil
  }

  /// Forgets what has arrived of a request that nobody will read.
  private func drop(_ stream: ServerStream.Reference) {
    connection?.session.consume(stream.pointee.inbound.count - credited, of: stream)
    credited = 0
    stream.pointee.inbound.clear()
    stream.pointee.inbound.release(above: 0)
  }

  /// Looks at how long the client keeps the call waiting; twice a second.
  func look(now: Int64) {
    guard let stream, !isFinished else { return }
    let limits = server.limits
    let kind = method.descriptor.kind
    if kind.clientStreams {
      let owes =
        awaitsRequest && (kind == .clientStreaming || !stream.pointee.inbound.isEmpty)
      if patience.isSlow(
        now: now, received: stream.pointee.bytesReceived, owes: owes,
        span: server.rateSpan, minimum: server.minimumBytes)
      {
        return finish(
          RPCError(
            .deadlineExceeded,
            "the request came slower than \(limits.minimumRate) bytes a second"))
      }
    } else if !stream.pointee.isRemoteClosed, now - stream.pointee.openedAt >= server.bodySpan {
      return refuse(
        RPCError(.deadlineExceeded, "the request was not complete after \(limits.bodyTimeout)"))
    }
    if let span = method.idleNanoseconds,
      patience.isIdle(
        now: now, passed: stream.pointee.bytesReceived &+ stream.pointee.bytesSent, span: span)
    {
      finish(RPCError(.deadlineExceeded, "the stream was idle for \(span / 1_000_000_000) s"))
    }
  }

  // MARK: Response

  /// Counts what waits of a large response on the connection and on the caller's account: while that is too much, nobody encodes
  /// more on this connection.
  override func outputChanged(_ count: Int) {
    let counted = count >= ServerCall.highWaterMark ? count : 0
    guard counted != chargedResponse, let account, let calls else { return }
    let more = counted - chargedResponse
    chargedResponse = counted
    if counted > 0 { stream?.pointee.outbound.producerWaits = true }
    if more > 0 {
      server.admission.responseBytes.add(more, by: account.responseBytes)
    } else {
      server.admission.responseBytes.give(-more, by: account.responseBytes)
    }
    calls.outputChanged(by: more, account)
  }

  /// The connection took bytes of a response that is counted or waited for.
  func drained() {
    didDrain()
    if let stream { outputChanged(stream.pointee.outbound.count) }
  }

  override func wake() {
    guard let stream, let connection else { return }
    if !stream.pointee.hasResponse {
      submitHead(stream, connection)
    } else if stream.pointee.outbound.consumerSleeps {
      connection.session.resume(stream)
    }
    connection.markDirty()
  }

  private func submitHead(_ stream: ServerStream.Reference, _ connection: ServerConnection) {
    let fixed = answersGzip ? ResponseHeads.gzip : FixedFields.response
    guard context.hasResponseMetadata else {
      return connection.session.respond(
        stream, fixed: fixed, block: UnsafeRawBufferPointer(start: nil, count: 0))
    }
    context.initialMetadata.rawBlock.withUnsafeBytes {
      connection.session.respond(stream, fixed: fixed, block: $0)
    }
  }

  override func appendCompressed(_ message: UnsafeRawBufferPointer) {
    guard let stream, let connection else { return }
    // Small messages do not get smaller; the flag in the prefix says which are compressed.
    if message.count >= 128 {
      do throws(GzipError) {
        let packed = try LoopCompression.of(connection.loop).deflate(message)
        if packed.count < message.count {
          return packed.withUnsafeBytes {
            stream.pointee.outbound.append(encoded: $0, isCompressed: true)
          }
        }
      } catch {
        server.logger.warning("a response was sent uncompressed", metadata: ["error": "\(error)"])
      }
    }
    stream.pointee.outbound.append(encoded: message)
  }

  override func finish(_ error: RPCError?) {
    guard !isFinished else { return }
    isFinished = true
    disarm()
    if let stream, let connection {
      submitEnd(error, stream, connection)
      if !stream.pointee.inbound.isEmpty { drop(stream) }
    }
    responseEnded(error)
    notifyFinished(error?.status ?? .ok)
    // Ended by somebody else while its handler runs: what the handler waits for never comes.
    cancelHandler()
    leave()
  }

  private func submitEnd(
    _ error: RPCError?, _ stream: ServerStream.Reference, _ connection: ServerConnection
  ) {
    connection.markDirty()
    let hasMetadata = context.hasResponseMetadata
    if error != nil || hasMetadata {
      StatusFields.append(
        error, trailing: hasMetadata ? context.trailingMetadata : Metadata(),
        domain: server.errorDomain, to: &stream.pointee.trailers)
    }
    if !stream.pointee.hasResponse {
      if error != nil, stream.pointee.outbound.isEmpty,
        !hasMetadata || context.initialMetadata.isEmpty
      {
        return connection.session.respond(
          stream, fixed: FixedFields.response, block: stream.pointee.trailers.bytes, isWhole: true)
      }
      submitHead(stream, connection)
    }
    connection.session.end(stream, .trailers)
  }

  private func notifyFinished(_ status: RPCStatus) {
    guard interceptorCount > 0 else { return }
    for interceptor in server.interceptors.prefix(interceptorCount) {
      interceptor.callFinished(context, status: status)
    }
  }

  // MARK: End

  func deadlinePassed() {
    timer = nil
    if hasStarted { finish(Self.deadlinePassed) } else { refuse(Self.deadlinePassed) }
  }

  private func disarm() {
    guard let timer, let connection else { return }
    connection.loop.disarm(timer)
    self.timer = nil
  }

  /// The stream is gone; `code` is the HTTP/2 error code.
  func streamClosed(_ code: UInt32) {
    disarm()
    outputChanged(0)
    stream = nil
    connection = nil
    calls = nil
    guard !isFinished else { return }
    isFinished = true
    let error = RPCError(.cancelled, "the stream ended with HTTP/2 error code \(code)")
    if !hasStarted { handlerReturned = true }
    cancelHandler()
    responseEnded(error)
    inboundChanged()
    notifyFinished(error.status)
    leave()
  }

  /// The server goes: a response that no handler works on ends now.
  func drain() {
    if handlerReturned, isDetached {
      finish(RPCError(.unavailable, "the server is shutting down"))
    }
  }
}
