import NIOCore
import NIOPosix
import RPCClient
import RPCCore
import RPCServer

/// Stands between a client and its server: passes bytes on, and misbehaves on request.
///
/// What it says in the server's name goes between two frames as long as the server is silent
/// meanwhile.
final class Relay: Sendable {
  /// Where clients find it.
  let port: Int

  private let group: MultiThreadedEventLoopGroup
  private let listener: any NIOCore.Channel
  private let line: NIOLoopBound<Line>

  /// What the connections share; lives on the relay's one event loop.
  private final class Line {
    var isFrozen = false
    var clients: [any NIOCore.Channel] = []
  }

  private init(
    group: MultiThreadedEventLoopGroup, listener: any NIOCore.Channel, line: NIOLoopBound<Line>
  ) {
    self.group = group
    self.listener = listener
    self.line = line
    port = listener.localAddress?.port ?? 0
  }

  /// A relay to a server of the loopback.
  static func start(to serverPort: Int) async throws -> Relay {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let loop = group.next()
    let line = try await loop.submit { NIOLoopBound(Line(), eventLoop: loop) }.get()
    let listener = try await ServerBootstrap(group: group)
      .childChannelOption(.autoRead, value: false)
      .childChannelInitializer { client in
        ClientBootstrap(group: loop)
          .channelInitializer { server in
            server.eventLoop.makeCompletedFuture {
              try server.pipeline.syncOperations.addHandler(Pipe(to: client, line.value))
            }
          }
          .connect(host: "127.0.0.1", port: serverPort)
          .flatMapThrowing { server in
            try client.pipeline.syncOperations.addHandler(Pipe(to: server, line.value))
            line.value.clients.append(client)
          }
          .flatMap { client.setOption(.autoRead, value: true) }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    return Relay(group: group, listener: listener, line: line)
  }

  /// Connections that clients have made so far.
  func accepted() async throws -> Int {
    try await line.execute { $0.clients.count }
  }

  /// Passes nothing on any more, in either direction, until it thaws; what came meanwhile is lost.
  func freeze(_ isFrozen: Bool = true) async throws {
    try await line.execute { $0.isFrozen = isFrozen }
  }

  /// Breaks the connections that clients have.
  func cut() async throws {
    try await line.execute { line in
      for client in line.clients where client.isActive { client.close(promise: nil) }
    }
  }

  /// Sends bytes to every client in the server's name.
  func say(_ bytes: [UInt8]) async throws {
    try await line.execute { line in
      for client in line.clients where client.isActive {
        client.writeAndFlush(ByteBuffer(bytes: bytes), promise: nil)
      }
    }
  }

  func close() async throws {
    try await listener.close()
    try await group.shutdownGracefully()
  }

  /// One direction of a connection.
  private final class Pipe: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let end: any NIOCore.Channel
    private let line: Line

    init(to end: any NIOCore.Channel, _ line: Line) {
      self.end = end
      self.line = line
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      if !line.isFrozen { end.writeAndFlush(unwrapInboundIn(data), promise: nil) }
    }

    func channelInactive(context: ChannelHandlerContext) { end.close(promise: nil) }
  }
}

/// Runs `body` with a channel to a server through a relay, and closes all three.
func withRelay(
  server configure: (inout ServerConfiguration) -> Void = { _ in },
  client: RPCClient.Channel.Configuration = .init(backoff: impatient, retry: .none),
  _ body: (RPCClient.Channel, EchoService, Relay) async throws -> Void
) async throws {
  let service = EchoService()
  let server = try await startServer(service, configure)
  let relay = try await Relay.start(to: server.port)
  let channel = try RPCClient.Channel(target: "127.0.0.1:\(relay.port)", configuration: client)
  let result: Result<Void, any Error>
  do {
    result = .success(try await body(channel, service, relay))
  } catch {
    result = .failure(error)
  }
  await channel.close(grace: .zero)
  try await relay.close()
  try await server.shutdown(grace: .zero)
  try result.get()
}

extension NIOLoopBound {
  /// Runs `body` with the value on its event loop.
  fileprivate func execute<Result: Sendable>(_ body: @escaping @Sendable (Value) throws -> Result)
    async throws -> Result
  {
    try await eventLoop.submit { try body(self.value) }.get()
  }
}

/// HTTP/2 frames that a server may send.
enum ServerFrame {
  private static func frame(
    _ type: UInt8, flags: UInt8 = 0, stream: UInt32, _ payload: [UInt8]
  ) -> [UInt8] {
    word(UInt32(payload.count)).dropFirst() + [type, flags] + word(stream) + payload
  }

  private static func word(_ value: UInt32) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) }
  }

  static func data(_ stream: UInt32, _ bytes: [UInt8]) -> [UInt8] {
    frame(0, stream: stream, bytes)
  }

  /// A whole header block of literals that HPACK's table does not keep.
  static func headers(_ stream: UInt32, _ fields: KeyValuePairs<String, String>, ends: Bool)
    -> [UInt8]
  {
    var block: [UInt8] = []
    for (name, value) in fields {
      block += [0, UInt8(name.utf8.count)] + Array(name.utf8)
      block += [UInt8(value.utf8.count)] + Array(value.utf8)
    }
    return frame(1, flags: ends ? 5 : 4, stream: stream, block)
  }

  static func reset(_ stream: UInt32, code: UInt32) -> [UInt8] {
    frame(3, stream: stream, word(code))
  }

  static func goAway(last: UInt32, code: UInt32, _ text: String = "") -> [UInt8] {
    frame(7, stream: 0, word(last) + word(code) + Array(text.utf8))
  }
}
