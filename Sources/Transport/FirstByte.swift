import NIOCore
import RPCCore

/// Serves TLS and plain connections on one port: a client's first byte says which it speaks.
///
/// Stands in front of a ``ServerConnection`` and holds its `channelActive` back until then, so that nothing is sent to a client that has not spoken; the
/// connection's own timers run meanwhile. Leaves the pipeline once it has decided.
final class FirstByte: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = ByteBuffer
  typealias InboundOut = ByteBuffer

  /// The content type of a TLS record that carries a handshake (RFC 8446 section 5.1).
  private static let handshakeRecord: UInt8 = 22

  private let tls: ServerTLS.Ready
  private let connection: ServerConnection

  init(tls: ServerTLS.Ready, connection: ServerConnection) {
    self.tls = tls
    self.connection = connection
  }

  func channelActive(context: ChannelHandlerContext) {}

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let buffer = unwrapInboundIn(data)
    guard let first = buffer.getInteger(at: buffer.readerIndex, as: UInt8.self) else { return }
    do {
      if first == Self.handshakeRecord {
        try context.pipeline.syncOperations.addHandler(
          tls.makeHandler(), position: .after(self))
        connection.isTLS = true
      } else if !tls.acceptsPlaintext {
        throw PlaintextRefused()
      }
    } catch {
      context.fireErrorCaught(error)
      return
    }
    context.fireChannelActive()
    context.fireChannelRead(data)
    context.pipeline.syncOperations.removeHandler(self, promise: nil)
  }
}

/// A client spoke without TLS to a server that wants it.
struct PlaintextRefused: Error, CustomStringConvertible {
  var description: String { "the client does not speak TLS, and the server accepts nothing else" }
}
