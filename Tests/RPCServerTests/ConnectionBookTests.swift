import NIOCore
import NIOPosix
import Testing

@testable import RPCServer
@testable import Transport

/// How many connections a server takes, and of whom.
@Suite struct ConnectionBookTests {
  private func book(_ count: Int, perNetwork: Int? = nil) -> ConnectionBook {
    var limits = ConnectionLimits()
    limits.maxConnections = count
    limits.maxConnectionsPerNetwork = perNetwork
    return ConnectionBook(limits)
  }

  private func enter(_ book: ConnectionBook, _ network: String, times: Int) -> Int {
    (0..<times).filter { _ in book.enter(network) == nil }.count
  }

  @Test func `one address gets no more connections than are left for all others`() {
    let book = book(60)
    #expect(enter(book, "a", times: 100) == 30)
    #expect(enter(book, "b", times: 100) == 15)
    #expect(enter(book, "c", times: 1) == 1)
    #expect(book.count == 46)
    for _ in 0..<30 { book.leave("a") }
    #expect(book.count == 16)
    #expect(enter(book, "c", times: 100) == 22)
  }

  @Test func `a number for one address stands instead of that, and all together have theirs`() {
    let book = book(10, perNetwork: 9)
    #expect(enter(book, "proxy", times: 20) == 9)
    #expect(enter(book, "b", times: 20) == 1)
    #expect(book.enter("c")?.contains("10 connections are open") == true)
    book.leave("proxy")
    #expect(book.enter("c") == nil)
  }

  @Test func `a server that takes one connection takes one`() {
    let book = book(1)
    #expect(book.enter("a") == nil)
    #expect(book.enter("a") != nil)
    book.leave("a")
    #expect(book.enter("b") == nil)
  }

  @Test func `a connection that is one too many of its address is closed and not counted`()
    async throws
  {
    var configuration = ServerConfiguration()
    configuration.limits.maxConnections = 4
    // They say nothing.
    configuration.limits.prefaceTimeout = .seconds(3_600)
    let server = try RPCServer(
      configuration: configuration, services: [TestService().registration])
    try await server.start()
    func connect() async throws -> any NIOCore.Channel {
      try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
        .connect(host: "127.0.0.1", port: server.port).get()
    }
    let kept = [try await connect(), try await connect()]
    try await connect().closeFuture.get()
    #expect(server.load.connections == 2)
    #expect(kept.allSatisfy { $0.isActive })
    for channel in kept { try await channel.close() }
    try await server.shutdown()
  }
}
