import ProtoWire
import RPCClient
import RPCCore
import RPCServer
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(2))) struct CallTests {
  @Test("a unary call returns its response, with the metadata around it")
  func unary() async throws {
    try await withServer { channel, _, _ async throws in
      #expect(
        try await channel.unary(Echo.unary, Bytes(count: 3), options: .init()).value.count == 3)
      let options = CallOptions(metadata: ["x-echo": "around"])
      let response = try await channel.response(Echo.unary, Bytes(count: 0), options: options)
      #expect(response.message == Bytes())
      #expect(response.metadata["x-head"] == "around")
      #expect(response.trailers[binary: "x-end-bin"] == Array("around".utf8))
    }
  }

  @Test("a response stream arrives in order, with an end")
  func serverStreaming() async throws {
    try await withServer { channel, _, _ async throws in
      for count in [0, 1, 1000] {
        var numbers: [Int] = []
        for try await number in channel.serverStreaming(
          Echo.count, Number(count), options: .init())
        {
          numbers.append(Int(number.value))
        }
        #expect(numbers == Array(0..<count))
      }
    }
  }

  @Test("a request stream arrives completely")
  func clientStreaming() async throws {
    try await withServer { channel, service, _ async throws in
      service.gate.send(())
      let call = channel.clientStreaming(Echo.swallow, options: .init())
      for count in [1, 0, 70000, 5] { try await call.send(Bytes(count: count)) }
      #expect(try await call.finish().value == 70006)
      service.gate.send(())
      let empty = channel.clientStreaming(Echo.swallow, options: .init())
      #expect(try await empty.finish().value == 0)
    }
  }

  @Test("both sides of a call stream at their own pace")
  func bidirectional() async throws {
    try await withServer { channel, _, _ async throws in
      let call = channel.bidirectionalStreaming(Echo.chat, options: .init())
      var answers = call.makeAsyncIterator()
      for word in ["a", "b"] {
        try await call.send(Text(word))
        #expect(try await answers.next() == Text(word))
      }
      for word in ["c", "d", "e"] { try await call.send(Text(word)) }
      try await call.closeSend()
      var rest: [String] = []
      while let answer = try await answers.next() { rest.append(answer.value) }
      #expect(rest == ["c", "d", "e"])
    }
  }

  @Test(
    "an error arrives with code, text, details and trailers",
    arguments: StatusCode.allCases.filter { $0 != .ok && $0 != .unavailable })
  func errors(code: StatusCode) async throws {
    try await withServer { channel, _, _ async throws in
      let error = await #expect(throws: RPCError.self) {
        try await channel.unary(Echo.fail, Number(code.rawValue), options: .init())
      }
      #expect(error?.code == code)
      #expect(error?.message == "é: no\n")
      #expect(error?.metadata["x-trailer"] == "yes")
      let detail = try #require(error?.details.first)
      #expect(detail.typeUrl == "type.googleapis.com/google.rpc.ErrorInfo")
      let info = try Google_Rpc_ErrorInfo(wire: detail.value)
      #expect(info.reason == "BECAUSE")
    }
  }

  @Test("a call that failed has the metadata that came before its error")
  func initialMetadataOfFailure() async throws {
    try await withServer { channel, _, _ async throws in
      for (options, head) in [(CallOptions(metadata: ["x-echo": "here"]), "here"), (.init(), nil)] {
        let unary = await #expect(throws: RPCError.self) {
          try await channel.unary(Echo.fail, Number(9), options: options)
        }
        #expect(unary?.code == .failedPrecondition)
        #expect(unary?.initialMetadata["x-head"] == head)
        #expect(unary?.metadata["x-trailer"] == "yes")
        let method: MethodDescriptor<Number, Text> = Echo.method("Fail", .clientStreaming)
        let call = channel.clientStreaming(method, options: options)
        try await call.send(Number(9))
        let streaming = await #expect(throws: RPCError.self) { try await call.finish() }
        #expect(streaming?.initialMetadata["x-head"] == head)
      }
    }
  }

  @Test("the end of the requests can be said before the response is awaited")
  func closeSend() async throws {
    try await withServer { channel, service, _ async throws in
      let call = channel.clientStreaming(Echo.swallow, options: .init())
      try await call.send(Bytes(count: 5))
      try await call.closeSend()
      try await call.closeSend()
      let late = await #expect(throws: RPCError.self) { try await call.send(Bytes(count: 1)) }
      #expect(late?.message == "a message was sent after the end of the request")
      service.gate.send(())
      #expect(try await call.finish().value == 5)
    }
  }

  @Test("a channel's default deadline is for unary calls, and a call's own goes before it")
  func defaultDeadline() async throws {
    try await withServer(client: .init(unaryTimeout: .milliseconds(20))) {
      channel, service, _ async throws in
      func outlastDefault() async {
        let error = await #expect(throws: RPCError.self) {
          try await channel.unary(Echo.hang, Text(""))
        }
        #expect(error?.code == .deadlineExceeded)
      }
      func wait() async throws {
        while try await service.started.next() != "Wait" {}
        await outlastDefault()
        service.gate.send(())
      }
      let slow = channel.serverStreaming(Echo.wait, Text("slow"), options: .init())
      try await wait()
      for try await answer in slow { #expect(answer == Text("slow")) }
      async let own = channel.unary(
        Echo.wait, Text("own"), options: .init(timeout: .seconds(60)))
      try await wait()
      #expect(try await own == Text("own"))
    }
  }

  @Test("a method or a service that is not there is UNIMPLEMENTED")
  func unimplemented() async throws {
    try await withServer { channel, _, _ async throws in
      let method: MethodDescriptor<Text, Text> = Echo.method("Nothing", .unary)
      let error = await #expect(throws: RPCError.self) {
        try await channel.unary(method, Text("x"), options: .init())
      }
      #expect(error?.code == .unimplemented)
    }
  }

  @Test("gzip is used in the direction that asks for it")
  func gzip() async throws {
    try await withServer { channel, _, _ async throws in
      let options = CallOptions(compression: .gzip)
      for count in [0, 10, 100_000] {
        let response = try await channel.unary(Echo.unary, Bytes(count: count), options: options)
        #expect(response.value.count == count)
      }
    }
  }

  @Test("messages larger than any window pass, both ways")
  func large() async throws {
    try await withServer { channel, _, _ async throws in
      let size = 3 * 1024 * 1024
      let response = try await channel.unary(Echo.unary, Bytes(count: size), options: .init())
      #expect(response.value.count == size)
    }
  }

  @Test("the response limit is exact", arguments: [(1001, true), (1000, true), (999, false)])
  func limit(limit: Int, accepted: Bool) async throws {
    try await withServer { channel, _, _ async throws in
      // 3 bytes of field head and length: 1000 on the wire.
      let options = CallOptions(maxResponseBytes: limit)
      if accepted {
        #expect(
          try await channel.unary(Echo.make, Number(997), options: options).value.count == 997)
      } else {
        let error = await #expect(throws: RPCError.self) {
          try await channel.unary(Echo.make, Number(997), options: options)
        }
        #expect(error?.code == .resourceExhausted)
        #expect(error?.message == "message of 1000 bytes exceeds the limit of 999")
      }
      // The connection lives on.
      #expect(try await channel.unary(Echo.make, Number(1), options: .init()).value.count == 1)
    }
  }

  @Test(
    "request headers that no server of this limit takes fail at once",
    arguments: [(16 * 1024, 16 * 1024), (1 << 20, 64 * 1024)])
  func metadataLimit(serverLimit: Int, limit: Int) async throws {
    try await withServer(server: { $0.limits.maxHeaderListBytes = serverLimit }) {
      channel, _, _ async throws in
      func call(_ count: Int) async throws {
        let options = CallOptions(
          timeout: .seconds(20), metadata: ["x-long": String(repeating: "x", count: count)])
        _ = try await channel.unary(Echo.make, Number(1), options: options)
      }
      let error = await #expect(throws: RPCError.self) { try await call(limit) }
      #expect(error?.code == .resourceExhausted)
      let text = try #require(error?.message)
      let size = try #require(text.split(separator: " ").compactMap { Int($0) }.first)
      #expect(text == "request headers of \(size) bytes exceed the limit of \(limit)")
      // Beside the long value there are a dozen short fields.
      #expect((limit + 1...limit + 600).contains(size))
      // The connection lives on, and takes what is smaller.
      try await call(limit - 600)
    }
  }

  @Test("a deadline ends the call here and there")
  func deadline() async throws {
    try await withServer { channel, service, _ async throws in
      // On a busy machine a deadline can pass before the call reaches the server.
      var timeout = Duration.milliseconds(50)
      while service.hangs.load(ordering: .relaxed) == 0 {
        let options = CallOptions(timeout: timeout)
        let error = await #expect(throws: RPCError.self) {
          try await channel.unary(Echo.hang, Text(""), options: options)
        }
        #expect(error?.code == .deadlineExceeded)
        timeout *= 2
      }
      #expect(try await service.cancelled.next() == "Hang")
      let passed = await #expect(throws: RPCError.self) {
        try await channel.unary(Echo.unary, Bytes(), options: CallOptions(timeout: .zero))
      }
      #expect(passed?.code == .deadlineExceeded)
    }
  }

  @Test("cancelling the task cancels the call on the server")
  func cancelTask() async throws {
    try await withServer { channel, service, _ async throws in
      let task = Task { try await channel.unary(Echo.hang, Text(""), options: .init()) }
      #expect(try await service.started.next() == "Hang")
      task.cancel()
      let error = await #expect(throws: RPCError.self) { try await task.value }
      #expect(error?.code == .cancelled)
      #expect(try await service.cancelled.next() == "Hang")
    }
  }

  @Test("a stream is cancelled in the middle")
  func cancelStream() async throws {
    try await withServer { channel, service, _ async throws in
      let call = channel.bidirectionalStreaming(Echo.chat, options: .init())
      var answers = call.makeAsyncIterator()
      try await call.send(Text("a"))
      #expect(try await answers.next() == Text("a"))
      call.cancel()
      let error = await #expect(throws: RPCError.self) { try await answers.next() }
      #expect(error?.code == .cancelled)
      let late = await #expect(throws: RPCError.self) { try await call.send(Text("b")) }
      #expect(late?.code == .cancelled)
      #expect(try await service.started.next() == "Chat")
      #expect(try await service.cancelled.next() == "Chat")
    }
  }

  @Test("a call that nobody holds is cancelled")
  func dropped() async throws {
    try await withServer { channel, service, _ async throws in
      _ = channel.serverStreaming(Echo.flood, Text(""), options: .init())
      // Whether or not it reached the server, the connection is free for others.
      #expect(try await channel.unary(Echo.make, Number(1), options: .init()).value.count == 1)
      do {
        let call = channel.serverStreaming(Echo.flood, Text(""), options: .init())
        var blocks = call.makeAsyncIterator()
        #expect(try await blocks.next() != nil)
      }
      #expect(try await service.cancelled.next() == "Flood")
    }
  }

  @Test("a thousand calls at a time wait for streams and all return")
  func thousand() async throws {
    try await withServer { channel, _, _ async throws in
      let sum = try await withThrowingTaskGroup(of: Int.self) { group in
        for index in 0..<1000 {
          group.addTask {
            try await channel.unary(Echo.make, Number(index), options: .init()).value.count
          }
        }
        return try await group.reduce(0, +)
      }
      #expect(sum == 499_500)
    }
  }

  @Test("a stream that nobody reads stops its sender and no other call")
  func headOfLine() async throws {
    try await withServer { channel, service, _ async throws in
      let call = channel.serverStreaming(Echo.flood, Text(""), options: .init())
      var blocks = call.makeAsyncIterator()
      #expect(try await blocks.next() != nil)
      // More than the windows of stream and connection together.
      for _ in 0..<20 {
        let response = try await channel.unary(Echo.make, Number(1 << 20), options: .init())
        #expect(response.value.count == 1 << 20)
      }
      // Window, two high-water marks and a block in flight: 512 KiB are 32 blocks.
      #expect(service.floodedBlocks.load(ordering: .relaxed) <= 40)
      // Reading moves it on.
      for _ in 0..<100 { #expect(try await blocks.next() != nil) }
      call.cancel()
      #expect(try await service.cancelled.next() == "Flood")
    }
  }

  @Test("a server that does not read stops the sender")
  func sendBackPressure() async throws {
    try await withServer { channel, service, _ async throws in
      let call = channel.clientStreaming(Echo.swallow, options: .init())
      let sent = SentBytes()
      let total = 32 * 1024 * 1024
      let sender = Task {
        for _ in 0..<(total / 65536) {
          try await call.send(Bytes(count: 65536))
          sent.count.add(65536, ordering: .relaxed)
        }
        return try await call.finish().value
      }
      #expect(try await service.started.next() == "Swallow")
      for _ in 0..<20 { _ = try await channel.unary(Echo.make, Number(1), options: .init()) }
      #expect(sent.count.load(ordering: .relaxed) < total / 2)
      service.gate.send(())
      #expect(try await sender.value == Int64(total))
    }
  }
}

/// Counts across tasks.
private final class SentBytes: Sendable {
  let count = Atomic<Int>(0)
}
