import ProtoWire
import RPCClient
import RPCCore
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(2))) struct RetryTests {
  private static let quick = RetryPolicy(
    maxAttempts: 3, initialBackoff: .milliseconds(1), maxBackoff: .milliseconds(2),
    scope: .allMethods)

  @Test("a call that fails with UNAVAILABLE is repeated", arguments: [0, 1, 2])
  func repeats(failures: Int) async throws {
    try await withServer(client: .init(retry: Self.quick)) { channel, _, _ async throws in
      let attempts = try await channel.unary(Echo.flaky, Number(failures), options: .init())
      #expect(attempts.value == Int64(failures + 1))
    }
  }

  @Test("the last attempt's error is the call's")
  func exhausted() async throws {
    try await withServer(client: .init(retry: Self.quick)) { channel, _, _ async throws in
      let error = await #expect(throws: RPCError.self) {
        try await channel.unary(Echo.flaky, Number(3), options: .init())
      }
      #expect(error?.code == .unavailable)
      #expect(error?.message == "attempt 3")
    }
  }

  @Test("a call can do without")
  func none() async throws {
    try await withServer(client: .init(retry: Self.quick)) { channel, _, _ async throws in
      let error = await #expect(throws: RPCError.self) {
        try await channel.unary(
          Echo.flaky, Number(1), options: CallOptions(retry: RetryPolicy.none))
      }
      #expect(error?.message == "attempt 1")
    }
  }

  @Test(
    "by default only methods that are declared idempotent are repeated after an answer",
    arguments: [
      (Idempotency.unknown, nil), (.noSideEffects, 2), (.idempotent, 2),
    ] as [(Idempotency, Int64?)])
  func idempotency(_ idempotency: Idempotency, attempts: Int64?) async throws {
    let method: MethodDescriptor<Number, Number> = Echo.method("Flaky", .unary, idempotency)
    var policy = Self.quick
    policy.scope = .idempotentMethods
    try await withServer(client: .init(retry: policy)) { channel, _, _ async throws in
      do {
        let answer = try await channel.unary(method, Number(1))
        #expect(answer.value == attempts)
      } catch let error as RPCError {
        #expect(attempts == nil)
        #expect(error.message == "attempt 1")
      }
    }
  }

  @Test(
    "a connection that breaks under a call that may have been executed ends it, unless it is idempotent"
  )
  func broken() async throws {
    let read: MethodDescriptor<Text, Text> = Echo.method("Hang", .unary, .noSideEffects)
    try await withRelay(client: .init(backoff: impatient)) { channel, service, relay async throws in
      let mutation = Task { try await channel.unary(Echo.hang, Text("x")) }
      try await service.started.next()
      try await relay.cut()
      let error = await #expect(throws: RPCError.self) { try await mutation.value }
      #expect(error?.code == .unavailable)
      #expect(service.hangs.load(ordering: .relaxed) == 1)

      let reading = Task {
        try await channel.unary(read, Text("x"), options: CallOptions(waitForReady: true))
      }
      try await service.started.next()
      try await relay.cut()
      try await service.started.next()
      #expect(service.hangs.load(ordering: .relaxed) == 3)
      reading.cancel()
      await #expect(throws: RPCError.self) { try await reading.value }
    }
  }

  @Test("requests are sent again, streams of them too")
  func replay() async throws {
    let method: MethodDescriptor<Number, Number> = Echo.method("Flaky", .unary)
    try await withServer(client: .init(retry: Self.quick)) { channel, _, _ async throws in
      let call = channel.clientStreaming(method, options: .init())
      try await call.send(Number(2))
      #expect(try await call.finish().value == 3)
    }
  }

  @Test("a call whose answer has begun is not repeated")
  func committed() async throws {
    try await withServer(client: .init(retry: Self.quick)) { channel, _, _ async throws in
      var words: [String] = []
      let error = await #expect(throws: RPCError.self) {
        for try await word in channel.serverStreaming(Echo.half, Text("once"), options: .init()) {
          words.append(word.value)
        }
      }
      #expect(words == ["once"])
      #expect(error?.message == "half way")
    }
  }

  @Test("retries stop when most calls fail")
  func throttled() async throws {
    let configuration = Channel.Configuration(
      retry: Self.quick, retryThrottle: RetryThrottle(maxTokens: 4, tokenRatio: 0.1))
    try await withServer(client: configuration) { channel, _, _ async throws in
      var last = ""
      for _ in 0..<4 {
        let error = await #expect(throws: RPCError.self) {
          try await channel.unary(Echo.flaky, Number(9), options: .init())
        }
        last = error?.message ?? ""
      }
      #expect(last == "attempt 1")
    }
  }

  @Test("credentials go with every call")
  func credentials() async throws {
    let failing = CallCredentials { throw RPCError(.unauthenticated, "no token today") }
    try await withServer(client: .init(credentials: failing)) { channel, _, _ async throws in
      let error = await #expect(throws: RPCError.self) {
        try await channel.unary(Echo.unary, Bytes(), options: .init())
      }
      #expect(error?.message == "no token today")
    }
    let making = CallCredentials { ["x-echo": "who"] }
    try await withServer(client: .init(credentials: making)) { channel, _, _ async throws in
      let response = try await channel.response(Echo.unary, Bytes())
      #expect(response.metadata["x-head"] == "who")
    }
  }

  /// Credentials that are never made; `heard` says when somebody asks, and when he gives up.
  private static func hanging(_ heard: Signal<String>) -> CallCredentials {
    CallCredentials {
      heard.send("asked")
      do {
        try await Task.sleep(for: .seconds(3600))
      } catch {
        heard.send("cancelled")
        throw error
      }
      return [:]
    }
  }

  @Test("a deadline covers the making of credentials")
  func credentialsDeadline() async throws {
    let heard = Signal<String>()
    try await withServer(client: .init(credentials: Self.hanging(heard))) {
      channel, _, _ async throws in
      let error = await #expect(throws: RPCError.self) {
        try await channel.unary(
          Echo.unary, Bytes(), options: CallOptions(timeout: .milliseconds(20)))
      }
      #expect(error?.code == .deadlineExceeded)
      #expect(try await heard.next() == "asked")
      #expect(try await heard.next() == "cancelled")
    }
  }

  @Test("a call whose credentials are not made yet can be cancelled")
  func credentialsCancelled() async throws {
    let heard = Signal<String>()
    try await withServer(client: .init(credentials: Self.hanging(heard))) {
      channel, _, _ async throws in
      let task = Task { try await channel.unary(Echo.unary, Bytes(), options: .init()) }
      #expect(try await heard.next() == "asked")
      task.cancel()
      let error = await #expect(throws: RPCError.self) { try await task.value }
      #expect(error?.code == .cancelled)
      #expect(try await heard.next() == "cancelled")
    }
  }

  @Test("closing the channel ends a call whose credentials are not made yet")
  func credentialsClosed() async throws {
    let heard = Signal<String>()
    try await withServer(client: .init(credentials: Self.hanging(heard))) {
      channel, _, _ async throws in
      let task = Task { try await channel.unary(Echo.unary, Bytes(), options: .init()) }
      #expect(try await heard.next() == "asked")
      await channel.close(grace: .seconds(60))
      let error = await #expect(throws: RPCError.self) { try await task.value }
      #expect(error?.code == .unavailable)
      #expect(error?.message == "the channel is closed")
      let late = await #expect(throws: RPCError.self) {
        try await channel.unary(Echo.unary, Bytes(), options: .init())
      }
      #expect(late?.message == "the channel is closed")
    }
  }

  @Test("a bearer token goes with every call")
  func bearer() async throws {
    let credentials = try CallCredentials.bearer("secret")
    try await withServer(client: .init(credentials: credentials)) { channel, _, _ async throws in
      for _ in 0..<2 {
        let response = try await channel.response(Echo.unary, Bytes())
        #expect(response.metadata["x-authorization"] == "Bearer secret")
      }
    }
  }
}
