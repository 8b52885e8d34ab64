public import HTTP2
import NIOCore
import NIOPosix
public import RPCCore

/// Accepts connections and spreads them over event loops.
public final class ServerListener: Sendable {
  /// Where and how to listen.
  public struct Configuration: Sendable {
    public var host: String
    /// 0: any free one.
    public var port: Int
    public var tls: ServerTLS?
    public var eventLoops: Int
    public var backlog = 1024
    public var session: SessionConfiguration
    public var limits: ConnectionLimits
    /// Told why a connection was closed as it was accepted, or could not be; any thread.
    public var onRefusal: @Sendable (_ reason: String) -> Void

    public init(
      host: String, port: Int, tls: ServerTLS? = nil, eventLoops: Int = 1,
      session: SessionConfiguration, limits: ConnectionLimits,
      onRefusal: @escaping @Sendable (_ reason: String) -> Void = { _ in }
    ) {
      self.host = host
      self.port = port
      self.tls = tls
      self.eventLoops = eventLoops
      self.session = session
      self.limits = limits
      self.onRefusal = onRefusal
    }
  }

  /// The port that is listened on.
  public let port: Int
  /// The loops, in the order they were started.
  public let loops: [LoopExecutor]

  private let group: MultiThreadedEventLoopGroup
  private let channel: any Channel
  private let shared: Shared

  /// What the accepting and the connections' threads have in common.
  private final class Shared: Sendable {
    let book: ConnectionBook
    let rosters: [ObjectIdentifier: LoopRoster]

    init(_ book: ConnectionBook, _ rosters: [ObjectIdentifier: LoopRoster]) {
      self.book = book
      self.rosters = rosters
    }
  }

  /// Starts the loops, calls `onLoopStart` on each of their threads, and listens.
  ///
  /// - Parameter owner: makes the owner of each connection, on its loop.
  public static func start(
    _ configuration: Configuration,
    onLoopStart: @escaping @Sendable (_ loop: LoopExecutor, _ index: Int) throws -> Void,
    owner: @escaping @Sendable (ServerConnection) -> any ServerConnectionOwner
  ) async throws -> ServerListener {
    let tls = try configuration.tls?.ready()
    let group = MultiThreadedEventLoopGroup(numberOfThreads: max(1, configuration.eventLoops))
    do {
      var rosters: [ObjectIdentifier: LoopRoster] = [:]
      var loops: [LoopExecutor] = []
      for (index, eventLoop) in group.makeIterator().enumerated() {
        let roster = try await eventLoop.submit {
          let loop = LoopExecutor(eventLoop)
          try onLoopStart(loop, index)
          return LoopRoster(loop)
        }.get()
        rosters[ObjectIdentifier(eventLoop)] = roster
        loops.append(roster.loop)
      }
      let shared = Shared(ConnectionBook(configuration.limits), rosters)
      let callbacks = try Session.SharedCallbacks(configuration.session)
      let limits = configuration.limits
      let onRefusal = configuration.onRefusal
      let bootstrap = ServerBootstrap(group: group)
        .serverChannelInitializer { channel in
          channel.eventLoop.makeCompletedFuture {
            let refusals = AcceptErrors(onRefusal)
            try channel.pipeline.syncOperations.addHandlers(AcceptBackoffHandler(), refusals)
          }
        }
        .serverChannelOption(.backlog, value: Int32(clamping: configuration.backlog))
        .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
        .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
        .childChannelOption(
          .writeBufferWaterMark, value: .init(low: 64 * 1024, high: 256 * 1024)
        )
        .childChannelInitializer { channel in
          channel.eventLoop.makeCompletedFuture {
            guard let roster = shared.rosters[ObjectIdentifier(channel.eventLoop)] else {
              throw RPCError(.internalError, "a channel of a foreign event loop")
            }
            let network = channel.remoteAddress.map(ServerConnection.network) ?? "unknown"
            if let reason = shared.book.enter(network) {
              onRefusal(reason)
              throw RPCError(.resourceExhausted, reason)
            }
            channel.closeFuture.whenComplete { _ in shared.book.leave(network) }
            let connection = ServerConnection(
              session: try Session(callbacks), loop: roster.loop, limits: limits,
              owner: owner)
            if let tls {
              try channel.pipeline.syncOperations.addHandler(
                FirstByte(tls: tls, connection: connection))
            }
            try channel.pipeline.syncOperations.addHandler(connection)
            roster.add(connection)
          }
        }
      let channel = try await bootstrap.bind(host: configuration.host, port: configuration.port)
        .get()
      return ServerListener(group: group, channel: channel, loops: loops, shared: shared)
    } catch {
      try? await group.shutdownGracefully()
      throw error
    }
  }

  private init(
    group: MultiThreadedEventLoopGroup, channel: any Channel, loops: [LoopExecutor],
    shared: Shared
  ) {
    self.group = group
    self.channel = channel
    self.loops = loops
    self.shared = shared
    port = channel.localAddress?.port ?? 0
  }

  /// Connections that are open.
  public var connectionCount: Int { shared.book.count }

  /// Accepts no more, and asks every client to finish. Returns once all connections are gone or `grace` has passed; those left are closed then.
  ///
  /// Goes through to its end also when the task that asks for it is cancelled.
  public func shutdown(grace: Duration) async throws {
    try await Task { try await self.end(grace: grace) }.value
  }

  private func end(grace: Duration) async throws {
    var failure: (any Error)?
    do {
      try await channel.close()
    } catch ChannelError.alreadyClosed {
    } catch {
      // The connections end all the same.
      failure = error
    }
    let deadline = Deadline(after: grace)
    for roster in shared.rosters.values { await roster.drain() }
    while connectionCount > 0, !deadline.hasPassed {
      try await Task.sleep(for: .milliseconds(5))
    }
    for roster in shared.rosters.values { await roster.closeAll() }
    try await group.shutdownGracefully()
    if let failure { throw failure }
  }
}

/// Tells why connections cannot be accepted. Stands behind the handler that waits before the next attempt, so that an error that
/// lasts does not make a loop of attempts.
private final class AcceptErrors: ChannelInboundHandler, Sendable {
  typealias InboundIn = Channel

  private let tell: @Sendable (String) -> Void

  init(_ tell: @escaping @Sendable (String) -> Void) { self.tell = tell }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    tell("a connection cannot be accepted: \(error)")
    context.fireErrorCaught(error)
  }
}
