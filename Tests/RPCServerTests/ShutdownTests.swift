import HTTP2
import NIOCore
import NIOEmbedded
import NIOPosix
import ProtoWire
import RPCCore
import Synchronization
import Testing

@testable import RPCServer
@testable import Transport

@Suite struct ShutdownTests {
  let service = TestService()

  @Test func `draining lets calls in flight finish and takes no new ones`() throws {
    let rig = try Rig(services: [service.registration])
    let stream = try rig.open(TestService.path("Park"))
    rig.send(Rig.frame(Bytes().serialized()), on: stream, end: true)
    try rig.exchange()
    rig.connection.drain()
    try rig.exchange()
    #expect(rig.goAway == 0)
    #expect(rig.channel.isActive, "a call is in flight")
    service.release()
    try rig.exchange()
    #expect(rig.answer(stream).status == 0)
    #expect(!rig.channel.isActive)
    #expect(service.cancelled.withLock { $0 } == 0)
  }

  @Test func `draining ends responses that no handler works on`() throws {
    let rig = try Rig(services: [service.registration])
    let stream = try rig.open(TestService.path("Detach"))
    rig.send(Rig.frame(Bytes().serialized()), on: stream, end: true)
    try rig.exchange()
    rig.connection.drain()
    try rig.exchange()
    #expect(rig.answer(stream).status == StatusCode.unavailable.rawValue)
    #expect(!rig.channel.isActive)
  }

  @Test func `a response that is detached while the server drains ends like those before`() throws {
    let rig = try Rig(services: [service.registration])
    try rig.exchange()
    let stream = try rig.open(TestService.path("Detach"))
    rig.send(Rig.frame(Bytes().serialized()), on: stream, end: true)
    rig.connection.drain()
    try rig.exchange()
    #expect(rig.answer(stream).status == StatusCode.unavailable.rawValue)
    #expect(service.cancelled.withLock { $0 } == 1, "its owner hears of the end")
    #expect(!rig.channel.isActive)
  }

  @Test func `a server listens, shuts down and frees its port`() async throws {
    let server = try RPCServer(configuration: .init(), services: [service.registration])
    try await server.start()
    #expect(server.port > 0)
    await #expect(throws: RPCError.self) { try await server.start() }
    let again = try RPCServer(
      configuration: .init(port: server.port), services: [service.registration])
    await #expect(throws: (any Error).self) { try await again.start() }
    async let running: Void = server.run()
    try await server.shutdown(grace: .seconds(1))
    await running
    #expect(server.port == 0)
    try await again.start()
    try await again.shutdown()
  }

  @Test func `a shutdown goes through to its end in a cancelled task`() async throws {
    let server = try RPCServer(configuration: .init(), services: [service.registration])
    try await server.start()
    let client = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
      .connect(host: "127.0.0.1", port: server.port).get()
    let shutdown = Task {
      withUnsafeCurrentTask { $0?.cancel() }
      try await server.shutdown(grace: .milliseconds(50))
    }
    try await shutdown.value
    await server.run()
    #expect(server.port == 0)
    try await client.closeFuture.get()
  }

  @Test func `each loop starts once, on its own thread`() async throws {
    let log = Log()
    let server = try RPCServer(
      configuration: .init(eventLoops: 3), services: [service.registration],
      onLoopStart: { loop in
        log.add("start \(loop.index)")
        let index = loop.index
        loop.atEndOfTurn { log.add("turn \(index)") }
      })
    try await server.start()
    try await server.shutdown()
    #expect(Set(log.lines) == ["start 0", "start 1", "start 2", "turn 0", "turn 1", "turn 2"])
  }

  @Test func `a server that is shut down while it starts does not serve`() async throws {
    let tasks = Mutex<[Task<Void, any Error>]>([])
    let itself = Mutex<RPCServer?>(nil)
    let server = try RPCServer(
      configuration: .init(), services: [service.registration],
      onLoopStart: { _ in
        guard let server = itself.withLock({ $0 }) else { return }
        // Runs here until it waits: the end is asked for before the server listens.
        tasks.withLock { $0.append(Task.immediate { try await server.shutdown() }) }
      })
    itself.withLock { $0 = server }
    let error = await #expect(throws: RPCError.self) { try await server.start() }
    #expect(error?.code == .cancelled)
    for task in tasks.withLock({ $0 }) { try await task.value }
    await server.run()
    #expect(server.port == 0)
    itself.withLock { $0 = nil }
  }

  @Test func `a start that fails after the end was asked for leaves nobody waiting`() async throws {
    struct Failure: Error {}
    let tasks = Mutex<[Task<Void, any Error>]>([])
    let itself = Mutex<RPCServer?>(nil)
    let server = try RPCServer(
      configuration: .init(), services: [service.registration],
      onLoopStart: { _ in
        guard let server = itself.withLock({ $0 }) else { return }
        tasks.withLock { $0.append(Task.immediate { try await server.shutdown() }) }
        throw Failure()
      })
    itself.withLock { $0 = server }
    await #expect(throws: Failure.self) { try await server.start() }
    for task in tasks.withLock({ $0 }) { try await task.value }
    await server.run()
    itself.withLock { $0 = nil }
  }

  @Test func `who shuts down what is being shut down waits for its end`() async throws {
    let server = try RPCServer(configuration: .init(), services: [service.registration])
    try await server.start()
    async let first: Void = server.shutdown()
    async let second: Void = server.shutdown()
    _ = try await (first, second)
    #expect(server.port == 0)
    await server.run()
  }
}
