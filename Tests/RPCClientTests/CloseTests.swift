import RPCClient
import RPCCore
import RPCServer
import Testing

/// `Channel.close()` returns whatever the channel is doing, and leaves no connection behind.
@Suite(.timeLimit(.minutes(2))) struct CloseTests {
  /// Waits until the server has no connection.
  private func expectNone(_ server: RPCServer) async {
    while server.load.connections > 0 { await Task.yield() }
  }

  @Test("a call that is cancelled before there is a connection for it leaves none behind")
  func cancelledBeforeAttach() async throws {
    let server = try await startServer(EchoService())
    for host in ["127.0.0.1", "localhost"] {
      for _ in 0..<50 {
        let channel = try Channel(target: "\(host):\(server.port)")
        let call = channel.serverStreaming(Echo.hang, Text("x"), options: .init())
        call.cancel()
        await channel.close(grace: .seconds(600))
        await #expect(throws: RPCError.self) { for try await _ in call {} }
      }
    }
    await expectNone(server)
    try await server.shutdown(grace: .zero)
  }

  @Test("a channel that nobody holds while it connects leaves no connection behind")
  func abandonedBeforeAttach() async throws {
    let server = try await startServer(EchoService())
    for _ in 0..<50 {
      let channel = try Channel(target: "localhost:\(server.port)")
      channel.serverStreaming(Echo.hang, Text("x"), options: .init()).cancel()
    }
    await expectNone(server)
    try await server.shutdown(grace: .zero)
  }

  @Test("a channel closes while its server says nothing", arguments: [false, true])
  func silent(tls: Bool) async throws {
    let silent = try SilentServer()
    for grace in [Duration.zero, .milliseconds(20)] {
      let channel = try Channel(
        target: "127.0.0.1:\(silent.port)", configuration: .init(tls: tls ? ClientTLS() : nil))
      let calls = (0..<3).map { _ in
        channel.serverStreaming(
          Echo.hang, Text("x"), options: CallOptions(waitForReady: true))
      }
      await channel.close(grace: grace)
      for call in calls {
        let error = await #expect(throws: RPCError.self) { for try await _ in call {} }
        #expect(error?.code == .unavailable || error?.code == .cancelled)
      }
      #expect(channel.connectivity == .shutdown)
    }
    silent.close()
  }

  @Test("a channel closes whose server has frozen or hung up, with calls that run")
  func frozen() async throws {
    try await withRelay { channel, service, relay async throws in
      let running = channel.serverStreaming(Echo.flood, Text("x"), options: .init())
      #expect(try await service.started.next() == "Flood")
      try await relay.freeze()
      await channel.close(grace: .milliseconds(20))
      await #expect(throws: RPCError.self) { for try await _ in running {} }
    }
    // Once the close is first, once the cut.
    for _ in 0..<20 {
      try await closeAfterCut()
    }
  }

  private func closeAfterCut() async throws {
    try await withRelay { channel, service, relay async throws in
      let running = channel.serverStreaming(Echo.hang, Text("x"), options: .init())
      #expect(try await service.started.next() == "Hang")
      try await relay.cut()
      await channel.close(grace: .seconds(600))
      await #expect(throws: RPCError.self) { for try await _ in running {} }
    }
  }

  @Test("closing twice, also at the same time, returns both times")
  func twice() async throws {
    try await withServer { channel, service, server async throws in
      let running = channel.serverStreaming(Echo.hang, Text("x"), options: .init())
      #expect(try await service.started.next() == "Hang")
      async let patient: Void = channel.close(grace: .seconds(600))
      async let hasty: Void = channel.close(grace: .zero)
      _ = await (patient, hasty)
      await channel.close()
      await #expect(throws: RPCError.self) { for try await _ in running {} }
      await expectNone(server)
    }
  }

  @Test("a call that is made after the close fails, and the close stays")
  func late() async throws {
    let server = try await startServer(EchoService())
    let channel = try Channel(target: "127.0.0.1:\(server.port)")
    await channel.close()
    for _ in 0..<3 {
      let error = await #expect(throws: RPCError.self) {
        try await channel.unary(Echo.make, Number(1))
      }
      #expect(error?.message == "the channel is closed")
    }
    await channel.close(grace: .seconds(600))
    #expect(server.load.connections == 0)
    try await server.shutdown(grace: .zero)
  }
}
