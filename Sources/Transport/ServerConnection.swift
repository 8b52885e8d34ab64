public import HTTP2
public import NIOCore
import NIOSSL
import NIOTLS
public import RPCCore

/// Who answers the requests of a connection. All calls come on the connection's loop.
public protocol ServerConnectionOwner: AnyObject {
  /// An event of the session, in order. A stream is released by the connection after its `.closed` event was handled.
  func handle(_ event: SessionEvent, of connection: ServerConnection)
  /// Called twice a second for each stream that is open, at `now` nanoseconds: how long its request keeps the server waiting.
  func look(at stream: ServerStream.Reference, of connection: ServerConnection, now: Int64)
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
  @exclusivity(unchecked) public private(set) var peer = "unknown"
  /// Whom a connection without credentials counts for: the address without its port, of IPv6 the network of 64 bits that is
  /// usually given to one customer.
  @exclusivity(unchecked) public private(set) var network = "unknown"
  @exclusivity(unchecked) public private(set) var security = TransportSecurity.plain

  private let makeOwner: (ServerConnection) -> any ServerConnectionOwner
  /// Bytes arrive through TLS; set before the first of them.
  @exclusivity(unchecked) var isTLS = false
  @exclusivity(unchecked) private var owner: (any ServerConnectionOwner)?
  /// Where the connection is listed while it is open.
  @exclusivity(unchecked) var roster: LoopRoster?
  @exclusivity(unchecked) private var context: ChannelHandlerContext?
  @exclusivity(unchecked) private var clock: ConnectionClock
  @exclusivity(unchecked) private var isDirty = false
  @exclusivity(unchecked) private var isWaitingForSocket = false
  @exclusivity(unchecked) private var isClosed = false
  @exclusivity(unchecked) private var hasSpoken = false
  /// Bytes given to the channel so far.
  @exclusivity(unchecked) private var handedOver = 0
  /// Bytes that the socket had taken of those when it began to be watched for its rate, and when that was.
  @exclusivity(unchecked) private var watched: (taken: Int, since: Int64)?
  @exclusivity(unchecked) private var isDrainingFor: DrainStep = .open
  @exclusivity(unchecked) private var lastError: String?

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
    if let address = context.remoteAddress { note(address) }
    owner = makeOwner(self)
  }

  private func note(_ address: SocketAddress) {
    peer = Self.describe(address)
    network = Self.network(address)
  }

  /// Nothing is sent before the client has: one that speaks another protocol shall get an answer it understands.
  public func channelActive(context: ChannelHandlerContext) {
    if let address = context.remoteAddress { note(address) }
    context.fireChannelActive()
  }

  /// A TLS client must have asked for HTTP/2 (RFC 9113 section 3.3): one that did not would read what it does not understand.
  public func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case TLSUserEvent.handshakeCompleted(let negotiated)? = event as? TLSUserEvent,
      negotiated != "h2"
    {
      lastError = "the TLS client did not negotiate h2 (ALPN)"
      closeGently()
    }
    context.fireUserInboundEventTriggered(event)
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
      if error != .notHTTP2 || hasSpoken || !answerForeign(buffer) { flush() }
      closeGently()
      return
    }
    clock.heard(now: loop.now, headerBlock: session.openHeaderBlock)
    deliverEvents()
    markDirty()
  }

  /// False when the client is better answered in HTTP/2.
  private func answerForeign(_ first: ByteBuffer) -> Bool {
    guard let context, !isTLS, let answer = ForeignProtocol.answer(to: first) else { return false }
    context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: answer)), promise: nil)
    return true
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
    lastError = CloseReason(error).text
    close()
  }

  private static func describe(_ address: SocketAddress) -> String {
    switch address {
    case .v4, .v6: "\(address.ipAddress ?? "?"):\(address.port ?? 0)"
    case .unixDomainSocket: "unix:\(address.pathname ?? "")"
    }
  }

  static func network(_ address: SocketAddress) -> String {
    guard case .v6(let address) = address else { return address.ipAddress ?? "unix" }
    return withUnsafeBytes(of: address.address) { whole in
      // A sockaddr_in6: family, port and flow in 8 bytes, then the address.
      let bytes = UnsafeRawBufferPointer(rebasing: whole[8..<24])
      // An IPv4 address in IPv6 clothes.
      if bytes[..<10].allSatisfy({ $0 == 0 }), bytes[10] == 0xff, bytes[11] == 0xff {
        return bytes[12...].map { String($0) }.joined(separator: ".")
      }
      return stride(from: 0, to: 8, by: 2)
        .map { String(UInt16(bytes[$0]) << 8 | UInt16(bytes[$0 + 1]), radix: 16) }
        .joined(separator: ":") + "::/64"
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
        handedOver += count
        context.writeAndFlush(wrapOutboundOut(loop.output), promise: nil)
        // The write may have failed and closed the channel at once.
        if isClosed { return }
        if !context.channel.isWritable { isWaitingForSocket = true }
      }
      deliverEvents()
      if count < ServerConnection.writeSize { break }
    }
    if session.isDone { closeGently() }
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
      session.terminate(reason.code)
      flush()
      closeGently()
      return
    }
    if isStalled(now: now) {
      lastError =
        "the client took fewer than \(minimumProgress) bytes in "
        + "\(clock.limits.noProgress.nanoseconds / 1_000_000_000) s"
      close()
      return
    }
    lookAtStreams(now: now)
    if case .announced(let at) = isDrainingFor, now - at >= 1_000_000_000 { goAway() }
  }

  /// Whether the socket takes less than the minimum rate: a reset would not get through either.
  ///
  /// Counts what has left, not what waits: the session fills up again in the same turn what the socket took.
  private func isStalled(now: Int64) -> Bool {
    guard let options = context?.channel.syncOptions,
      let waiting = try? options.getOption(.bufferedWritableBytes),
      isWaitingForSocket || waiting > 0
    else {
      watched = nil
      return false
    }
    let taken = handedOver - waiting
    guard let last = watched else {
      watched = (taken, now)
      return false
    }
    guard now - last.since >= clock.limits.noProgress.nanoseconds else { return false }
    if taken - last.taken < minimumProgress { return true }
    watched = (taken, now)
    return false
  }

  /// Bytes that a client must take in the time of `noProgress`.
  private var minimumProgress: Int {
    let seconds = Int(clock.limits.noProgress.nanoseconds / 1_000_000_000)
    return max(1, clock.limits.minimumRate * seconds)
  }

  private func lookAtStreams(now: Int64) {
    session.forEachStream { stream in
      guard !stream.pointee.isClosed else { return }
      resetIfStalled(stream, now: now)
      owner?.look(at: stream, of: self, now: now)
    }
  }

  private func resetIfStalled(_ stream: ServerStream.Reference, now: Int64) {
    guard stream.pointee.hasResponse, !stream.pointee.outbound.isEmpty else {
      stream.pointee.progressAt = 0
      return
    }
    if stream.pointee.progressAt == 0 {
      stream.pointee.bytesSeen = stream.pointee.bytesSent
      stream.pointee.progressAt = now
    } else if now - stream.pointee.progressAt >= clock.limits.noProgress.nanoseconds {
      if stream.pointee.bytesSent - stream.pointee.bytesSeen < UInt64(minimumProgress) {
        session.reset(stream, .cancel)
        markDirty()
      }
      stream.pointee.bytesSeen = stream.pointee.bytesSent
      stream.pointee.progressAt = now
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

  /// How long a client may take to read why its connection ends.
  private static let farewell: TimeAmount = .seconds(1)

  /// Ends the connection once what was written has left: closing at once would throw away what the client has not read yet,
  /// a GOAWAY included, whenever bytes of the client are unread.
  private func closeGently() {
    guard let context, !isClosed else { return }
    let channel = context.channel
    end()
    guard channel.isActive else { return }
    let timer = channel.eventLoop.assumeIsolated().scheduleTask(in: Self.farewell) {
      self.closeSocket()
    }
    channel.closeFuture.whenComplete { _ in timer.cancel() }
    context.close(mode: .output, promise: nil)
  }

  /// Closes the socket; streams that are open end as disconnected.
  public func close() {
    closeSocket()
    end()
  }

  /// Closes beneath TLS, whose own farewell waits for the peer and holds the connection's memory for as long, though the socket is
  /// gone.
  private func closeSocket() {
    guard let context else { return }
    guard isTLS,
      let tls = try? context.pipeline.syncOperations.context(
        handlerType: NIOSSLServerHandler.self)
    else { return context.close(promise: nil) }
    tls.close(promise: nil)
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
