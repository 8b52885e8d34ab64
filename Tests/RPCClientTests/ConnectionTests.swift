import ProtoWire
import RPCClient
import RPCCore
import RPCServer
import Testing

@Suite(.timeLimit(.minutes(2))) struct ConnectionTests {
  /// A port on which nothing listens.
  private func freePort() async throws -> Int {
    let server = try await startServer(EchoService())
    let port = server.port
    try await server.shutdown(grace: .zero)
    return port
  }

  @Test("a server that is not there is UNAVAILABLE, and named")
  func refused() async throws {
    let port = try await freePort()
    let channel = try Channel(target: "127.0.0.1:\(port)")
    let error = await #expect(throws: RPCError.self) {
      try await channel.unary(Echo.unary, Bytes(), options: .init())
    }
    #expect(error?.code == .unavailable)
    #expect(error?.message == "127.0.0.1:\(port): Connection refused")
    #expect(channel.connectivity == .transientFailure)
    await channel.close()
    #expect(channel.connectivity == .shutdown)
  }

  @Test("a call that waits gets through once the server is there")
  func waitForReady() async throws {
    let port = try await freePort()
    let channel = try Channel(
      target: "127.0.0.1:\(port)", configuration: .init(backoff: impatient))
    async let response = channel.unary(
      Echo.make, Number(5), options: CallOptions(waitForReady: true))
    await #expect(throws: RPCError.self) {
      try await channel.unary(Echo.unary, Bytes(), options: .init())
    }
    let server = try await startServer(EchoService()) { $0.port = port }
    #expect(try await response.value.count == 5)
    await channel.close()
    try await server.shutdown(grace: .zero)
  }

  @Test("a call that waits for a connection hears its deadline and its cancellation")
  func waitingEnds() async throws {
    let port = try await freePort()
    let channel = try Channel(target: "127.0.0.1:\(port)")
    let late = await #expect(throws: RPCError.self) {
      try await channel.unary(
        Echo.unary, Bytes(), options: CallOptions(timeout: .milliseconds(30), waitForReady: true))
    }
    #expect(late?.code == .deadlineExceeded)
    let task = Task {
      try await channel.unary(Echo.unary, Bytes(), options: CallOptions(waitForReady: true))
    }
    task.cancel()
    let cancelled = await #expect(throws: RPCError.self) { try await task.value }
    #expect(cancelled?.code == .cancelled)
    await channel.close()
  }

  @Test("the channel reconnects to a server that was restarted")
  func restart() async throws {
    let first = try await startServer(EchoService())
    let port = first.port
    let channel = try Channel(
      target: "127.0.0.1:\(port)", configuration: .init(backoff: impatient))
    _ = try await channel.unary(Echo.unary, Bytes(), options: .init())
    #expect(channel.connectivity == .ready)
    try await first.shutdown(grace: .zero)
    let second = try await startServer(EchoService()) { $0.port = port }
    let response = try await channel.unary(
      Echo.make, Number(4), options: CallOptions(waitForReady: true))
    #expect(response.value.count == 4)
    await channel.close()
    try await second.shutdown(grace: .zero)
  }

  @Test("the first address that answers is used")
  func addresses() async throws {
    let port = try await freePort()
    try await withServer { _, _, server async throws in
      let channel = try Channel(target: "127.0.0.1:\(port), 127.0.0.1:\(server.port)")
      #expect(try await channel.unary(Echo.make, Number(2), options: .init()).value.count == 2)
      await channel.close()
    }
  }

  @Test("a call that is running when the server drains is finished")
  func drainedServer() async throws {
    let service = EchoService()
    let server = try await startServer(service)
    let channel = try Channel(target: "127.0.0.1:\(server.port)")
    let call = channel.bidirectionalStreaming(Echo.chat, options: .init())
    var answers = call.makeAsyncIterator()
    try await call.send(Text("before"))
    #expect(try await answers.next() == Text("before"))
    let stopping = Task { try await server.shutdown(grace: .seconds(20)) }
    // When new calls fail, the server's GOAWAY has arrived.
    while (try? await channel.unary(Echo.unary, Bytes(), options: .init())) != nil {}
    try await call.send(Text("after"))
    #expect(try await answers.next() == Text("after"))
    try await call.closeSend()
    #expect(try await answers.next() == nil)
    try await stopping.value
    await channel.close()
  }

  @Test("a call that is cut off with its server is UNAVAILABLE")
  func cutOff() async throws {
    let service = EchoService()
    let server = try await startServer(service)
    let channel = try Channel(target: "127.0.0.1:\(server.port)")
    let call = channel.bidirectionalStreaming(Echo.chat, options: .init())
    var answers = call.makeAsyncIterator()
    try await call.send(Text("a"))
    #expect(try await answers.next() == Text("a"))
    try await server.shutdown(grace: .zero)
    let error = await #expect(throws: RPCError.self) { try await answers.next() }
    #expect(error?.code == .unavailable || error?.code == .cancelled)
    await channel.close()
  }

  @Test("connections beyond the server's limit are closed, and one gets in when another has gone")
  func maxConnections() async throws {
    try await withServer(
      server: { $0.limits.maxConnections = 1 }, client: .init(backoff: impatient)
    ) {
      channel, _, server async throws in
      _ = try await channel.unary(Echo.unary, Bytes(count: 1), options: .init())
      let second = try Channel(
        target: "127.0.0.1:\(server.port)", configuration: .init(backoff: impatient))
      let error = await #expect(throws: RPCError.self) {
        try await second.unary(Echo.unary, Bytes(count: 1), options: .init())
      }
      #expect(error?.code == .unavailable)
      await channel.close()
      let answer = try await second.unary(
        Echo.unary, Bytes(count: 2), options: CallOptions(waitForReady: true))
      #expect(answer.value.count == 2)
      await second.close()
    }
  }

  @Test("a channel that closes lets its calls finish")
  func closing() async throws {
    try await withServer { channel, service, _ async throws in
      let running = Task { try await channel.unary(Echo.wait, Text("done"), options: .init()) }
      #expect(try await service.started.next() == "Wait")
      let closing = Task { await channel.close(grace: .seconds(60)) }
      while channel.connectivity != .shutdown { await Task.yield() }
      let refused = await #expect(throws: RPCError.self) {
        try await channel.unary(Echo.unary, Bytes(), options: .init())
      }
      #expect(refused?.code == .unavailable)
      #expect(refused?.message == "the channel is closed")
      service.gate.send(())
      #expect(try await running.value == Text("done"))
      await closing.value
    }
  }

  @Test("a channel that closes at once cancels its calls")
  func closingAtOnce() async throws {
    try await withServer { channel, service, _ async throws in
      let running = Task { try await channel.unary(Echo.hang, Text(""), options: .init()) }
      #expect(try await service.started.next() == "Hang")
      await channel.close(grace: .zero)
      let error = await #expect(throws: RPCError.self) { try await running.value }
      #expect(error?.code == .cancelled)
      #expect(try await service.cancelled.next() == "Hang")
    }
  }

  @Test("a channel that nobody holds closes its connection")
  func dropped() async throws {
    let service = EchoService()
    let server = try await startServer(service)
    do {
      let channel = try Channel(target: "127.0.0.1:\(server.port)")
      _ = try await channel.unary(Echo.make, Number(1), options: .init())
      #expect(server.load.connections == 1)
    }
    while server.load.connections > 0 { await Task.yield() }
    try await server.shutdown(grace: .zero)
  }

  @Test("a server that accepts and says nothing is given up, and can be closed on")
  func silent() async throws {
    let silent = try SilentServer()
    let impatient = BackoffPolicy(connectTimeout: .milliseconds(50))
    let channel = try Channel(
      target: "127.0.0.1:\(silent.port)", configuration: .init(backoff: impatient))
    let error = await #expect(throws: RPCError.self) {
      try await channel.unary(Echo.unary, Bytes(), options: .init())
    }
    #expect(error?.code == .unavailable)
    #expect(error?.message.contains("no HTTP/2 SETTINGS from the server within") == true)
    await channel.close()
    let patient = try Channel(target: "127.0.0.1:\(silent.port)")
    let late = await #expect(throws: RPCError.self) {
      try await patient.unary(
        Echo.unary, Bytes(), options: CallOptions(timeout: .milliseconds(20)))
    }
    #expect(late?.code == .deadlineExceeded)
    await patient.close()
    silent.close()
  }

  @Test("a text that is no target is refused")
  func targets() throws {
    for text in ["", "host:", "host:0", "host:65536", "a:b:c", "[::1", "unix:", "a,,b", "ho st:1"] {
      #expect(throws: ChannelError.target(text)) { _ = try Channel(target: text) }
    }
    for text in ["host", "host:1", "[::1]:65535", "dns:///host:1", "unix:/tmp/x", "a:1,b:2"] {
      #expect(throws: Never.self) { _ = try Channel(target: text) }
    }
  }
}
