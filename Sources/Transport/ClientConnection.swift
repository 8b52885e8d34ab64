public import HTTP2
public import NIOCore
import NIOTLS

/// Whoever drives a ``ClientConnection``. Called on the connection's event loop.
public protocol ClientConnectionOwner: AnyObject {
  /// An event of the session, in order. DATA must be taken inside the call.
  func connection(_ connection: ClientConnection, received event: ClientSessionEvent)
  /// Bytes of the peer arrived: it lives.
  func connectionIsAlive(_ connection: ClientConnection)
  /// The connection is gone; the open streams hear `.lost` afterwards. Called once.
  func connection(_ connection: ClientConnection, closedBecause reason: CloseReason)
}

/// The last handler of a client's pipeline: moves bytes between a socket and a ``ClientSession``.
///
/// Owned by one event loop, on which every method must be called. Output is collected and written
/// once for each batch of input, or once for each turn of the loop.
public final class ClientConnection: ChannelInboundHandler {
  public typealias InboundIn = ByteBuffer
  public typealias OutboundOut = ByteBuffer

  /// Bytes written to the socket at a time.
  private static let batch = 64 * 1024

  /// The HTTP/2 session. After submitting to it call ``scheduleFlush()``.
  public let session: ClientSession

  private let expectsTLS: Bool
  private weak var owner: (any ClientConnectionOwner)?
  private var context: ChannelHandlerContext?
  private var buffer = ByteBuffer()
  private var isReading = false
  private var isFlushing = false
  private var isFlushScheduled = false
  private var isClosed = false
  private var reason: CloseReason?

  /// - Parameter expectsTLS: whether a TLS handler is in front; the peer must then choose `h2`.
  public init(
    session: ClientSession, expectsTLS: Bool, owner: any ClientConnectionOwner
  ) {
    self.session = session
    self.expectsTLS = expectsTLS
    self.owner = owner
  }

  // MARK: For the owner

  /// Writes what the session has to send before the loop's turn ends.
  public func scheduleFlush() {
    guard let context, !isReading, !isFlushing, !isFlushScheduled, !isClosed else { return }
    isFlushScheduled = true
    context.eventLoop.assumeIsolated().execute {
      self.isFlushScheduled = false
      self.flush()
    }
  }

  /// Closes the connection; `reason` is what its owner and its calls hear.
  public func close(because reason: CloseReason) {
    guard let context, !isClosed else { return }
    if self.reason == nil { self.reason = reason }
    context.close(promise: nil)
  }

  // MARK: ChannelInboundHandler

  public func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    if context.channel.isActive { flush() }
  }

  public func handlerRemoved(context: ChannelHandlerContext) {
    finish()
    self.context = nil
  }

  public func channelActive(context: ChannelHandlerContext) {
    flush()
  }

  public func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard !isClosed else { return }
    isReading = true
    owner?.connectionIsAlive(self)
    var failure: ClientSession.Failure?
    unwrapInboundIn(data).withUnsafeReadableBytes { bytes in
      do throws(ClientSession.Failure) {
        try session.receive(bytes)
      } catch {
        failure = error
      }
    }
    deliverEvents()
    if let failure { fail(failure) }
  }

  public func channelReadComplete(context: ChannelHandlerContext) {
    isReading = false
    flush()
  }

  public func channelWritabilityChanged(context: ChannelHandlerContext) {
    if context.channel.isWritable { flush() }
  }

  public func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if expectsTLS, case .handshakeCompleted(let chosen) = event as? TLSUserEvent, chosen != "h2" {
      close(
        because: CloseReason(
          "the server did not choose h2 by ALPN but \(chosen ?? "nothing")", .refused))
    }
    context.fireUserInboundEventTriggered(event)
  }

  public func channelInactive(context: ChannelHandlerContext) {
    finish()
  }

  public func errorCaught(context: ChannelHandlerContext, error: any Error) {
    close(because: CloseReason(error))
  }

  // MARK: Inside

  /// Returns whether there were any: whoever heard them may have submitted something.
  @discardableResult
  private func deliverEvents() -> Bool {
    var delivered = false
    while true {
      let events = session.takeEvents()
      if events.isEmpty { return delivered }
      delivered = true
      for event in events { owner?.connection(self, received: event) }
    }
  }

  private func flush() {
    guard let context, context.channel.isActive, !isFlushing, !isClosed else { return }
    isFlushing = true
    defer { isFlushing = false }
    while context.channel.isWritable, !isClosed {
      buffer.clear()
      do throws(ClientSession.Failure) {
        _ = try session.write(limit: Self.batch) { piece in _ = buffer.writeBytes(piece) }
      } catch {
        fail(error)
        return
      }
      // Writing can be what an owner waits for: room on a stream, or a reset that closes it.
      let delivered = deliverEvents()
      if buffer.readableBytes > 0 {
        context.writeAndFlush(wrapOutboundOut(buffer), promise: nil)
      } else if !delivered {
        break
      }
    }
    if !isClosed, session.isFinished { close(because: "the connection has been drained") }
  }

  private func fail(_ failure: ClientSession.Failure) {
    close(because: "HTTP/2 failure: \(failure)")
  }

  private static let closedByServer = CloseReason("the server closed the connection", .closedByPeer)

  private func finish() {
    guard !isClosed else { return }
    isClosed = true
    owner?.connection(self, closedBecause: reason ?? Self.closedByServer)
    session.abandon()
    deliverEvents()
  }
}
