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

  private let server: ServerCore
  private let method: RegisteredMethod
  private let encoding: MessageEncoding
  private let answersGzip: Bool
  private var connection: ServerConnection?
  private var stream: ServerStream.Reference?
  private var timer: TimerWheel.Timer?
  private var hasStarted = false
  private var isFinished = false
  /// How many interceptors have seen the call start.
  private var interceptorCount = 0
  /// Bytes at the head of `inbound` whose window was given back already.
  private var credited = 0
  private var compression: Compressors?

  /// What a call with gzip needs beyond others.
  private final class Compressors {
    var inflater: GzipInflater?
    var inflated: [UInt8] = []
    var deflater: GzipDeflater?
  }

  init(
    server: ServerCore, method: RegisteredMethod, context: ServerContext, encoding: MessageEncoding,
    acceptsGzip: Bool, connection: ServerConnection, stream: ServerStream.Reference
  ) {
    self.server = server
    self.method = method
    self.encoding = encoding
    self.connection = connection
    self.stream = stream
    answersGzip = encoding == .gzip && acceptsGzip
    super.init(context: context, loop: connection.loop)
    compresses = answersGzip
    stream.pointee.outbound.consumerSleeps = true
    outbound = withUnsafeMutablePointer(to: &stream.pointee.outbound) { $0 }
  }

  // MARK: Start

  /// The request's head is complete: asks the interceptors, and starts a handler that takes a stream of requests.
  func begin() {
    if let deadline = context.deadline, let connection {
      timer = connection.loop.arm(self, at: deadline.nanoseconds)
    }
    do {
      for interceptor in server.interceptors {
        interceptorCount += 1
        try interceptor.callStarted(context)
      }
      if method.descriptor.kind.clientStreams {
        try startHandler(UnsafeRawBufferPointer(start: nil, count: 0))
      }
    } catch {
      refuse(error)
    }
  }

  private func startHandler(_ request: UnsafeRawBufferPointer) throws(RPCError) {
    try server.admit()
    hasStarted = true
    method.start(self, request)
  }

  /// Ends a call whose handler never ran.
  private func refuse(_ error: any Error) {
    handlerReturned = true
    if !(error is RPCError) { unexpected(error) }
    finish(RPCError(wrapping: error))
  }

  override func handlerDidReturn() {
    if hasStarted { server.handlerReturned() }
    if isDetached { stream?.pointee.releaseIdleMemory() }
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
      inboundChanged()
    } else if !stream.pointee.isRemoteClosed {
      do throws(FramingError) {
        guard let length = try messageLength(stream.pointee.inbound.bytes) else {
          return creditPartial()
        }
        if stream.pointee.inbound.count > length { refuse(Self.severalMessages) }
      } catch {
        refuse(RPCError(error))
      }
    }
  }

  /// The client has sent everything.
  func remoteEnded() {
    guard !isFinished else { return }
    if method.descriptor.kind.clientStreams { return inboundChanged() }
    switch pull() {
    case .message(let bytes):
      guard stream?.pointee.inbound.isEmpty ?? true else {
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

  /// Bytes of the first message with its prefix; nil while it is incomplete.
  private func messageLength(_ bytes: UnsafeRawBufferPointer) throws(FramingError) -> Int? {
    guard let prefix = try MessagePrefix.read(bytes, limit: server.limits.maxRequestBytes) else {
      return nil
    }
    if prefix.isCompressed, encoding == .identity { throw .compressedWithoutEncoding }
    let length = prefix.length + MessagePrefix.byteCount
    return bytes.count >= length ? length : nil
  }

  override func pull() -> InboundMessage {
    guard let stream, !isFinished else { return .failed(ServerCall.ended) }
    do throws(FramingError) {
      guard let length = try messageLength(stream.pointee.inbound.bytes) else {
        return try incomplete(stream)
      }
      let bytes = stream.pointee.inbound.bytes
      // The bytes stay where they are until more arrive, which is after the message was read.
      stream.pointee.inbound.consume(length)
      if !stream.pointee.isRemoteClosed { giveBack(length, stream) }
      let body = UnsafeRawBufferPointer(rebasing: bytes[MessagePrefix.byteCount..<length])
      return .message(bytes[0] == 1 ? try inflated(body) : body)
    } catch {
      return .failed(RPCError(error))
    }
  }

  private func incomplete(_ stream: ServerStream.Reference) throws(FramingError) -> InboundMessage {
    guard stream.pointee.isRemoteClosed else {
      creditPartial()
      return .pending
    }
    if stream.pointee.inbound.isEmpty { return .end }
    throw .truncatedMessage(missing: missing(stream.pointee.inbound.bytes))
  }

  private func missing(_ bytes: UnsafeRawBufferPointer) -> Int {
    guard bytes.count >= MessagePrefix.byteCount else {
      return MessagePrefix.byteCount - bytes.count
    }
    let length = Int(UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: 1, as: UInt32.self)))
    return length + MessagePrefix.byteCount - bytes.count
  }

  /// The handler took `length` bytes: opens the window by those that were not given back before.
  private func giveBack(_ length: Int, _ stream: ServerStream.Reference) {
    let known = min(length, credited)
    credited -= known
    guard length > known, let connection else { return }
    connection.session.consume(length - known, of: stream)
    connection.markDirty()
  }

  /// Opens the window for a message that is incomplete: one larger than the window could never complete otherwise.
  private func creditPartial() {
    guard let stream, let connection else { return }
    let fresh = stream.pointee.inbound.count - credited
    guard fresh > 0 else { return }
    credited += fresh
    connection.session.consume(fresh, of: stream)
    connection.markDirty()
  }

  private func inflated(_ body: UnsafeRawBufferPointer) throws(FramingError)
    -> UnsafeRawBufferPointer
  {
    let compression = compressors
    do throws(GzipError) {
      if compression.inflater == nil { compression.inflater = try GzipInflater() }
      compression.inflated = try compression.inflater!.inflate(
        body, limit: server.limits.maxRequestBytes)
    } catch {
      throw .gzip(error)
    }
    // Valid until the next message replaces the array: nothing else touches it.
    return compression.inflated.withUnsafeBytes { $0 }
  }

  private var compressors: Compressors {
    if let compression { return compression }
    let made = Compressors()
    compression = made
    return made
  }

  // MARK: Response

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
    guard let stream else { return }
    let compression = compressors
    // Small messages do not get smaller; the flag in the prefix says which are compressed.
    if message.count >= 128 {
      do throws(GzipError) {
        if compression.deflater == nil { compression.deflater = try GzipDeflater() }
        let packed = try compression.deflater!.deflate(message)
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
    if let stream, let connection { submitEnd(error, stream, connection) }
    responseEnded(error)
    notifyFinished(error?.status ?? .ok)
    // Ended by somebody else while its handler runs: what the handler waits for never comes.
    cancelHandler()
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
    finish(RPCError(.deadlineExceeded, "the deadline has passed"))
  }

  private func disarm() {
    guard let timer, let connection else { return }
    connection.loop.disarm(timer)
    self.timer = nil
  }

  /// The stream is gone; `code` is the HTTP/2 error code.
  func streamClosed(_ code: UInt32) {
    disarm()
    stream = nil
    connection = nil
    guard !isFinished else { return }
    isFinished = true
    let error = RPCError(.cancelled, "the stream ended with HTTP/2 error code \(code)")
    if !hasStarted { handlerReturned = true }
    cancelHandler()
    responseEnded(error)
    inboundChanged()
    notifyFinished(error.status)
  }

  /// The server goes: a response that no handler works on ends now.
  func drain() {
    if handlerReturned, isDetached {
      finish(RPCError(.unavailable, "the server is shutting down"))
    }
  }
}
