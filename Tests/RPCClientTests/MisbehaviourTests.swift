import NIOCore
import ProtoWire
import RPCCore
import RPCServer
import Synchronization
import Testing

@testable import RPCClient

/// Servers, and networks before them, that do not do what they should.
@Suite(.timeLimit(.minutes(2))) struct MisbehaviourTests {
  @Test("a connection that died silently is found by keepalive, and replaced")
  func keepalive() async throws {
    var policy = KeepalivePolicy(interval: .milliseconds(200), timeout: .milliseconds(200))
    policy.shortestInterval = .zero
    let configuration = RPCClient.Channel.Configuration(
      backoff: impatient, keepalive: policy, retry: .none)
    try await withRelay(client: configuration) { channel, service, relay async throws in
      let hanging = Task { try await channel.unary(Echo.hang, Text("x"), options: .init()) }
      #expect(try await service.started.next() == "Hang")
      // Answered PINGs keep a silent call alive.
      try await Task.sleep(for: .milliseconds(900))
      #expect(try await relay.accepted() == 1)
      try await relay.freeze()
      let error = await #expect(throws: RPCError.self) { try await hanging.value }
      #expect(error?.code == .unavailable)
      #expect(error?.message.contains("keepalive PING") == true, "\(error?.message ?? "")")
      try await relay.freeze(false)
      let again = try await channel.unary(
        Echo.unary, Bytes(count: 3), options: CallOptions(waitForReady: true))
      #expect(again.value.count == 3)
      #expect(try await relay.accepted() == 2)
    }
  }

  @Test("a server that calls the PINGs too many gets half of them")
  func tooManyPings() async throws {
    var policy = KeepalivePolicy(interval: .seconds(1))
    policy.shortestInterval = .zero
    let configuration = RPCClient.Channel.Configuration(
      backoff: impatient, keepalive: policy, retry: .none)
    try await withRelay(client: configuration) { channel, _, relay async throws in
      _ = try await channel.unary(Echo.unary, Bytes(count: 1), options: .init())
      #expect(try await keepaliveInterval(of: channel) == .seconds(1))
      try await relay.say(ServerFrame.goAway(last: 1, code: 11, "too_many_pings"))
      // The next call may still race with the GOAWAY, and is then repeated on the next connection.
      _ = try await channel.unary(
        Echo.unary, Bytes(count: 1), options: CallOptions(waitForReady: true))
      #expect(try await keepaliveInterval(of: channel) == .seconds(2))
      #expect(try await relay.accepted() == 2)
    }
  }

  private func keepaliveInterval(of channel: RPCClient.Channel) async throws -> Duration? {
    let core = channel.core
    return try await core.loop.submit { core.keepaliveInterval }.get()
  }

  @Test("a stream that the server refused is opened again, once, without a retry policy")
  func refusedStream() async throws {
    try await withRelay { channel, service, relay async throws in
      async let answer = channel.unary(Echo.wait, Text("x"), options: .init())
      try await service.started.next()
      try await relay.say(ServerFrame.reset(1, code: 7))
      try await service.started.next()
      service.gate.send(())
      service.gate.send(())
      #expect(try await answer.value == "x")
      #expect(try await relay.accepted() == 1)

      let refused = Task { try await channel.unary(Echo.wait, Text("y"), options: .init()) }
      try await service.started.next()
      try await relay.say(ServerFrame.reset(5, code: 7))
      try await service.started.next()
      try await relay.say(ServerFrame.reset(7, code: 7))
      let error = await #expect(throws: RPCError.self) { try await refused.value }
      #expect(error?.code == .unavailable)
    }
  }

  @Test("a call above a GOAWAY's last stream is moved to the next connection")
  func unprocessed() async throws {
    try await withRelay { channel, service, relay async throws in
      let hanging = Task { try await channel.unary(Echo.hang, Text("x"), options: .init()) }
      try await service.started.next()
      try await relay.say(ServerFrame.goAway(last: 0, code: 0))
      try await service.started.next()
      hanging.cancel()
      await #expect(throws: RPCError.self) { try await hanging.value }
      #expect(service.hangs.load(ordering: .relaxed) == 2)
      #expect(try await relay.accepted() == 2)
    }
  }

  @Test(
    "none or several answers where one is due are UNIMPLEMENTED", arguments: [0, 2],
    [MethodKind.unary, .clientStreaming])
  func cardinality(count: Int, kind: MethodKind) async throws {
    try await withRelay { channel, service, relay async throws in
      let method: MethodDescriptor<Text, Text> = Echo.method("Hang", kind)
      let calling = Task {
        if kind == .unary { return try await channel.unary(method, Text("x")) }
        let call = channel.clientStreaming(method, options: .init())
        try await call.send(Text("x"))
        return try await call.finish()
      }
      try await service.started.next()
      try await relay.say(
        ServerFrame.headers(
          1, [":status": "200", "content-type": "application/grpc", "x-head": "1"], ends: false)
          + ServerFrame.data(1, [UInt8](repeatElement([0, 0, 0, 0, 0], count: count).joined()))
          + ServerFrame.headers(1, ["grpc-status": "0"], ends: true))
      let error = await #expect(throws: RPCError.self) { try await calling.value }
      #expect(error?.code == .unimplemented)
      #expect(error?.initialMetadata["x-head"] == "1")
    }
  }

  @Test("a response that ends well inside a message is INTERNAL, and says what is missing")
  func truncated() async throws {
    try await withRelay { channel, service, relay async throws in
      let hanging = channel.serverStreaming(Echo.hang, Text("x"), options: .init())
      try await service.started.next()
      try await relay.say(
        ServerFrame.headers(
          1, [":status": "200", "content-type": "application/grpc"], ends: false)
          + ServerFrame.data(1, [0, 0, 0, 0, 9, 1, 2])
          + ServerFrame.headers(1, ["grpc-status": "0"], ends: true))
      let error = await #expect(throws: RPCError.self) { for try await _ in hanging {} }
      #expect(error?.code == .internalError)
      #expect(error?.message == "stream ended 7 bytes before the end of a message")
    }
  }

  @Test("bytes that are not HTTP/2 end the connection's calls, and the next one finds another")
  func garbage() async throws {
    try await withRelay { channel, service, relay async throws in
      let hanging = Task { try await channel.unary(Echo.hang, Text("x"), options: .init()) }
      try await service.started.next()
      try await relay.say([UInt8](repeating: 0xff, count: 64))
      let error = await #expect(throws: RPCError.self) { try await hanging.value }
      #expect(error?.code == .unavailable)
      let again = try await channel.unary(
        Echo.unary, Bytes(count: 3), options: CallOptions(waitForReady: true))
      #expect(again.value.count == 3)
    }
  }
}
