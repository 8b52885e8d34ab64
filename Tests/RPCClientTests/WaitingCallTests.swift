import NIOCore
import ProtoWire
import RPCCore
import RPCServer
import Synchronization
import Testing

@testable import RPCClient

/// Calls that wait for a stream, because the server's MAX_CONCURRENT_STREAMS are open.
@Suite(.timeLimit(.minutes(2))) struct WaitingCallTests {
  typealias Chat = BidirectionalCall<Text, Text>

  /// Opens streams that stay open, and takes the server's word that they are.
  private func occupy(
    _ count: Int, _ channel: RPCClient.Channel, _ service: EchoService
  ) async throws -> [Chat] {
    // An answered connection is a good one: when it goes, the next is made at once.
    _ = try await channel.unary(Echo.make, Number(1), options: .init())
    var calls: [Chat] = []
    for _ in 0..<count {
      calls.append(channel.bidirectionalStreaming(Echo.chat, options: .init()))
      #expect(try await service.started.next() == "Chat")
    }
    return calls
  }

  /// Waits until the calls that were started before have reached the channel's event loop.
  private func settle(_ channel: RPCClient.Channel) async throws {
    try await channel.core.loop.submit {}.get()
  }

  @Test("a call whose turn comes as the server drains runs once, on the next connection")
  func slotAndGoAway() async throws {
    try await withRelay(server: { $0.limits.maxConcurrentStreams = 3 }) {
      channel, service, relay async throws in
      let running = try await occupy(3, channel, service)
      let waiting = channel.serverStreaming(Echo.hang, Text("x"), options: .init())
      try await settle(channel)
      // The unary call had stream 1. One write, so that the client reads both frames at once.
      try await relay.say(ServerFrame.reset(3, code: 8) + ServerFrame.goAway(last: 7, code: 0))
      #expect(try await service.started.next() == "Hang")
      #expect(try await relay.accepted() == 2)
      // A second run would be in front of this call, which still finds a stream.
      _ = try await channel.unary(Echo.make, Number(1), options: .init())
      #expect(service.hangs.load(ordering: .relaxed) == 1)
      waiting.cancel()
      for call in running { call.cancel() }
    }
  }

  @Test("calls that wait for a stream when the server drains all run once, on the next connection")
  func goAway() async throws {
    try await withRelay(server: { $0.limits.maxConcurrentStreams = 1 }) {
      channel, service, relay async throws in
      let running = try await occupy(1, channel, service)
      let waiting = (0..<3).map {
        channel.serverStreaming(Echo.wait, Text("\($0)"), options: .init())
      }
      try await settle(channel)
      try await relay.say(ServerFrame.goAway(last: 3, code: 0))
      for (index, call) in waiting.enumerated() {
        #expect(try await service.started.next() == "Wait")
        service.gate.send(())
        var answers: [String] = []
        for try await answer in call { answers.append(answer.value) }
        #expect(answers == ["\(index)"])
      }
      let last = channel.serverStreaming(Echo.hang, Text(""), options: .init())
      #expect(try await service.started.next() == "Hang")
      #expect(try await relay.accepted() == 2)
      // What runs on the old connection goes on.
      var answers = running[0].makeAsyncIterator()
      try await running[0].send(Text("still here"))
      #expect(try await answers.next() == Text("still here"))
      last.cancel()
    }
  }

  @Test("a call that is cancelled as its turn comes takes nobody else's turn")
  func cancelledInTurn() async throws {
    try await withServer(server: { $0.limits.maxConcurrentStreams = 1 }) {
      channel, service, _ async throws in
      let running = channel.serverStreaming(Echo.wait, Text("x"), options: .init())
      #expect(try await service.started.next() == "Wait")
      let second = channel.serverStreaming(Echo.count, Number(1), options: .init())
      let third = channel.serverStreaming(
        Echo.count, Number(2), options: CallOptions(timeout: .seconds(30)))
      try await settle(channel)
      // Runs inside the end of the first call: the cancellation is there before the turn of the
      // second call, and its event loop hears of it afterwards.
      let cancelling = Task(executorPreference: InlineExecutor()) {
        for try await _ in running {}
        second.cancel()
      }
      service.gate.send(())
      try await cancelling.value
      let error = await #expect(throws: RPCError.self) { for try await _ in second {} }
      #expect(error?.code == .cancelled)
      var numbers: [Int64] = []
      for try await number in third { numbers.append(number.value) }
      #expect(numbers == [0, 1])
    }
  }

  @Test("of many calls that wait, half are cancelled and the others return")
  func manyCancelled() async throws {
    try await withServer(server: { $0.limits.maxConcurrentStreams = 2 }) {
      channel, _, _ async throws in
      let calls = (0..<400).map { index in
        channel.serverStreaming(Echo.count, Number(index % 7), options: .init())
      }
      let cancelling = Task { for index in 0..<200 { calls[index * 2].cancel() } }
      for index in 0..<200 {
        var count = 0
        for try await _ in calls[index * 2 + 1] { count += 1 }
        #expect(count == (index * 2 + 1) % 7)
      }
      await cancelling.value
    }
  }

  @Test("a call that is cancelled while it waits never reaches the server")
  func cancelledEarly() async throws {
    try await withServer(server: { $0.limits.maxConcurrentStreams = 1 }) {
      channel, service, _ async throws in
      let running = try await occupy(1, channel, service)
      let waiting = channel.serverStreaming(Echo.hang, Text("x"), options: .init())
      try await settle(channel)
      waiting.cancel()
      let error = await #expect(throws: RPCError.self) { for try await _ in waiting {} }
      #expect(error?.code == .cancelled)
      running[0].cancel()
      _ = try await channel.unary(Echo.make, Number(1), options: .init())
      #expect(service.hangs.load(ordering: .relaxed) == 0)
    }
  }
}

/// Runs what becomes ready at once, on the thread that made it ready.
private final class InlineExecutor: TaskExecutor {
  func enqueue(_ job: consuming ExecutorJob) {
    job.runSynchronously(on: asUnownedTaskExecutor())
  }
}
