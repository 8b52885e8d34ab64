public import HTTP2
public import NIOCore
import NIOSSL
public import RPCCore

/// Who answers the requests of a connection. All calls come on the connection's loop.
public protocol ServerConnectionOwner: AnyObject {
  /// An event of the session, in order. A stream is released by the connection after its `.closed` event was handled.
  func handle(_ event: SessionEvent, of connection: ServerConnection)
  /// The connection is asked to end: no new streams come.
  func connectionDrains(_ connection: ServerConnection)
  /// No event follows.
  func connectionClosed(_ connection: ServerConnection)
}

/// One client's connection: the channel handler between a socket and its session.
///
/// Belongs to its event loop. Output of a read batch leaves in one write; while the socket takes no more, nothing is collected, so a client that does not
/// read costs what its streams may buffer and no more.
public final class ServerConnection: ChannelInboundHandler {
  public typealias InboundIn = ByteBuffer
  public typealias OutboundOut = ByteBuffer

  public let session: Session
  public let loop: LoopExecutor
  /// `127.0.0.1:51234`
  public private(set) var peer = "unknown"
  public private(set) var security = TransportSecurity.plain

  private let makeOwner: (ServerConnection) -> any ServerConnectionOwner
  /// Bytes arrive through TLS; set before the first of them.
  var isTLS = false
  private var owner: (any ServerConnectionOwner)?
  /// Where the connection is listed while it is open.
  var roster: LoopRoster?
  private var context: ChannelHandlerContext?
  private var clock: ConnectionClock
  private var isDirty = false
  private var isWaitingForSocket = false
  private var isClosed = false
  private var hasSpoken = false
  /// Bytes the socket had not taken at the last look that saw them become fewer, and when that was.
  private var unsent: (bytes: Int, since: Int64)?
  private var isDrainingFor: DrainStep = .open
  private var lastError: String?

  private enum DrainStep {
    case open
    case announced(at: Int64)
    case goneAway
  }

  /// Bytes collected from the session per write.
  private static let writeSize = 64 * 1024

  public init(
    session: Session, loop: LoopExecutor, limits: ConnectionLimits,
    owner: @escaping (ServerConnection) -> any ServerConnectionOwner
  ) {
    self.session = session
    self.loop = loop
    makeOwner = owner
    clock = ConnectionClock(limits: limits, now: Deadline.now.nanoseconds)
  }

  // MARK: Channel

  public func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    peer = context.remoteAddress.map(Self.describe) ?? "unknown"
    owner = makeOwner(self)
  }

  /// Nothing is sent before the client has: one that speaks another protocol shall get an answer it understands.
  public func channelActive(context: ChannelHandlerContext) {
    if let address = context.remoteAddress { peer = Self.describe(address) }
    context.fireChannelActive()
  }

  public func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard !isClosed else { return }
    loop.beginTurn()
    if isTLS, security == .plain { security = .tls(peerCertificate: peerCertificate(context)) }
    let buffer = unwrapInboundIn(data)
    do throws(SessionError) {
      try receive(buffer)
    } catch {
      lastError = "\(error)"
      deliverEvents()
      if error == .notHTTP2, !hasSpoken {
        answerForeign(buffer)
      } else {
        flush()
      }
      close()
      return
    }
    clock.heard(now: loop.now, headerBlock: session.openHeaderBlock)
    deliverEvents()
    markDirty()
  }

  private func answerForeign(_ first: ByteBuffer) {
    guard let context, !isTLS, let answer = ForeignProtocol.answer(to: first) else { return }
    context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: answer)), promise: nil)
  }

  private func receive(_ buffer: ByteBuffer) throws(SessionError) {
    let result = buffer.withUnsafeReadableBytes { bytes -> SessionError? in
      do throws(SessionError) {
        try session.receive(bytes, now: loop.now)
        return nil
      } catch {
        return error
      }
    }
    if let result { throw result }
  }

  public func channelReadComplete(context: ChannelHandlerContext) {
    loop.drain()
    context.fireChannelReadComplete()
  }

  public func channelWritabilityChanged(context: ChannelHandlerContext) {
    if isWaitingForSocket, context.channel.isWritable {
      isWaitingForSocket = false
      markDirty()
    }
    context.fireChannelWritabilityChanged()
  }

  public func channelInactive(context: ChannelHandlerContext) {
    loop.beginTurn()
    end()
    loop.drain()
    context.fireChannelInactive()
  }

  public func handlerRemoved(context: ChannelHandlerContext) {
    end()
    self.context = nil
  }

  public func errorCaught(context: ChannelHandlerContext, error: any Error) {
    lastError = TLSFailure.text(error)
    close()
  }

  private static func describe(_ address: SocketAddress) -> String {
    switch address {
    case .v4, .v6: "\(address.ipAddress ?? "?"):\(address.port ?? 0)"
    case .unixDomainSocket: "unix:\(address.pathname ?? "")"
    }
  }

  /// The verified certificate of a TLS client, in DER; the handshake is over when the first bytes arrive here.
  private func peerCertificate(_ context: ChannelHandlerContext) -> [UInt8]? {
    do {
      return try context.pipeline.syncOperations.nioSSL_peerCertificate()?.toDERBytes()
    } catch {
      return nil
    }
  }

  // MARK: Events

  private func deliverEvents() {
    while let event = session.nextEvent() {
      switch event {
      case .closed(let stream, _):
        owner?.handle(event, of: self)
        session.release(stream)
      case .settingsAcknowledged:
        clock.settingsAcknowledged()
      case .pingAcknowledged:
        if case .announced = isDrainingFor { goAway() }
      case .goAway:
        clock.prefaceCompleted()
      default:
        clock.prefaceCompleted()
        owner?.handle(event, of: self)
      }
    }
  }

  // MARK: Output

  /// Output was submitted: it leaves at the end of this turn.
  public func markDirty() {
    guard !isDirty, !isClosed else { return }
    isDirty = true
    loop.markDirty(self)
  }

  func flushDirty() {
    isDirty = false
    flush()
  }

  private func flush() {
    guard let context, !isClosed else { return }
    while !isWaitingForSocket {
      loop.output.clear()
      var count = 0
      while count < ServerConnection.writeSize, let piece = session.nextOutput() {
        loop.output.writeBytes(piece)
        count += piece.count
      }
      if count > 0 {
        hasSpoken = true
        context.writeAndFlush(wrapOutboundOut(loop.output), promise: nil)
        // The write may have failed and closed the channel at once.
        if isClosed { return }
        if !context.channel.isWritable { isWaitingForSocket = true }
      }
      deliverEvents()
      if count < ServerConnection.writeSize { break }
    }
    if session.isDone { close() }
  }

  // MARK: Timers

  /// Looks at the timers; called twice a second.
  func lookAtClock(now: Int64) {
    guard !isClosed else { return }
    switch clock.look(now: now, openStreams: session.openStreams) {
    case .fine:
      break
    case .ping:
      session.ping()
      markDirty()
    case .close(let reason):
      lastError = reason.rawValue
      session.terminate(reason == .idle ? .noError : .enhanceYourCalm)
      flush()
      close()
      return
    }
    if isStalled(now: now) {
      lastError =
        "the client took no byte for \(clock.limits.noProgress.nanoseconds / 1_000_000_000) s"
      close()
      return
    }
    resetStalledStreams(now: now)
    if case .announced(let at) = isDrainingFor, now - at >= 1_000_000_000 { goAway() }
  }

  /// Whether the socket has taken nothing for too long: a reset would not get through either.
  private func isStalled(now: Int64) -> Bool {
    guard isWaitingForSocket, let options = context?.channel.syncOptions,
      let bytes = try? options.getOption(.bufferedWritableBytes)
    else {
      unsent = nil
      return false
    }
    guard let last = unsent, bytes >= last.bytes else {
      unsent = (bytes, now)
      return false
    }
    return now - last.since >= clock.limits.noProgress.nanoseconds
  }

  private func resetStalledStreams(now: Int64) {
    let limit = clock.limits.noProgress.nanoseconds
    session.forEachStream { stream in
      guard stream.pointee.hasResponse, !stream.pointee.outbound.isEmpty, !stream.pointee.isClosed
      else {
        stream.pointee.progressAt = 0
        return
      }
      if stream.pointee.progressAt == 0 || stream.pointee.bytesSeen != stream.pointee.bytesSent {
        stream.pointee.bytesSeen = stream.pointee.bytesSent
        stream.pointee.progressAt = now
      } else if now - stream.pointee.progressAt >= limit {
        session.reset(stream, .cancel)
        markDirty()
      }
    }
  }

  // MARK: Ending

  /// Asks the client to open no more streams; closes when those that are open have ended.
  public func drain() {
    guard !isClosed, case .open = isDrainingFor else { return }
    isDrainingFor = .announced(at: Deadline.now.nanoseconds)
    session.announceShutdown()
    session.ping()
    owner?.connectionDrains(self)
    markDirty()
  }

  private func goAway() {
    isDrainingFor = .goneAway
    session.goAway()
    markDirty()
  }

  /// Closes the socket; streams that are open end as disconnected.
  public func close() {
    guard let context, !isClosed else { return }
    context.close(promise: nil)
    end()
  }

  /// Everything that must happen once when the connection is gone.
  private func end() {
    guard !isClosed else { return }
    isClosed = true
    session.connectionLost()
    deliverEvents()
    owner?.connectionClosed(self)
    owner = nil
    roster?.remove(self)
    roster = nil
  }

  /// Why the connection ended, if not by the client's wish.
  public var failureReason: String? { lastError }
}
