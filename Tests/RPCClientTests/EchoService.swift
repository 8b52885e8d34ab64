import ProtoWire
import RPCCore
import RPCServer
import Synchronization

typealias Bytes = Google_Protobuf_BytesValue
typealias Text = Google_Protobuf_StringValue
typealias Number = Google_Protobuf_Int64Value

extension Bytes {
  init(count: Int) {
    self.init()
    value = [UInt8](repeating: 7, count: count)
  }
}

extension Text {
  init(_ text: String) {
    self.init()
    value = text
  }
}

extension Number {
  init(_ number: Int) {
    self.init()
    value = Int64(number)
  }
}

/// What the tests call: one method for each way in which a call can go.
enum Echo {
  static func method<Q, S>(
    _ name: String, _ kind: MethodKind, _ idempotency: Idempotency = .unknown
  ) -> MethodDescriptor<Q, S> {
    MethodDescriptor(service: "test.Echo", name: name, kind: kind, idempotency: idempotency)
  }

  /// Answers with the request.
  static let unary: MethodDescriptor<Bytes, Bytes> = method("Unary", .unary)
  /// Answers with as many bytes as asked for.
  static let make: MethodDescriptor<Number, Bytes> = method("Make", .unary, .noSideEffects)
  /// Fails with the code that the number names, with details.
  static let fail: MethodDescriptor<Number, Text> = method("Fail", .unary)
  /// Fails with UNAVAILABLE until the given number of attempts has failed; answers with the number
  /// of attempts.
  static let flaky: MethodDescriptor<Number, Number> = method("Flaky", .unary)
  /// Never answers.
  static let hang: MethodDescriptor<Text, Text> = method("Hang", .unary)
  /// Answers when the gate opens.
  static let wait: MethodDescriptor<Text, Text> = method("Wait", .unary)
  /// Answers 0, 1, 2 … as often as asked.
  static let count: MethodDescriptor<Number, Number> = method("Count", .serverStreaming)
  /// Answers with blocks of 16 KiB until the client is gone.
  static let flood: MethodDescriptor<Text, Bytes> = method("Flood", .serverStreaming)
  /// Answers one message, then fails with UNAVAILABLE.
  static let half: MethodDescriptor<Text, Text> = method("Half", .serverStreaming)
  /// The number of bytes, after the gate has opened.
  static let swallow: MethodDescriptor<Bytes, Number> = method("Swallow", .clientStreaming)
  /// Answers each message with itself.
  static let chat: MethodDescriptor<Text, Text> = method("Chat", .bidirectionalStreaming)
}

/// The service behind ``Echo``, with what tests want to know of its handlers.
final class EchoService: Sendable {
  /// A handler was cancelled: method name.
  let cancelled = Signal<String>()
  /// A handler has begun: method name.
  let started = Signal<String>()
  /// What `wait` and `swallow` wait for.
  let gate = Signal<Void>()
  let floodedBlocks = Atomic<Int>(0)
  /// Calls of `hang` that reached their handler.
  let hangs = Atomic<Int>(0)

  var registration: ServiceRegistration {
    var registration = ServiceRegistration(service: "test.Echo")
    registration.unary(Echo.unary) { request, context in
      if let value = context.requestMetadata["x-echo"] {
        try context.initialMetadata.add(value, for: "x-head")
        try context.trailingMetadata.add(binary: Array(value.utf8), for: "x-end-bin")
      }
      if let value = context.requestMetadata["authorization"] {
        try context.initialMetadata.add(value, for: "x-authorization")
      }
      return request
    }
    registration.unary(Echo.make) { request, _ in Bytes(count: Int(request.value)) }
    registration.unary(Echo.fail) { request, context in
      if let value = context.requestMetadata["x-echo"] {
        try context.initialMetadata.add(value, for: "x-head")
      }
      try context.trailingMetadata.add("yes", for: "x-trailer")
      var info = Google_Rpc_ErrorInfo()
      info.reason = "BECAUSE"
      var detail = Google_Protobuf_Any()
      detail.typeUrl = "type.googleapis.com/\(Google_Rpc_ErrorInfo.fullName)"
      detail.value = info.serialized()
      throw RPCError(StatusCode(wire: Int(request.value)), "é: no\n", details: [detail])
    }
    registration.unary(Echo.flaky) { request, context in
      let before = Int(context.requestMetadata["grpc-previous-rpc-attempts"] ?? "0") ?? -1
      guard before >= request.value else { throw RPCError(.unavailable, "attempt \(before + 1)") }
      return Number(before + 1)
    }
    registration.unary(Echo.hang) { _, _ in
      self.hangs.add(1, ordering: .relaxed)
      self.started.send("Hang")
      do {
        try await Task.sleep(for: .seconds(3600))
      } catch {
        self.cancelled.send("Hang")
        throw error
      }
      return Text("never")
    }
    registration.unary(Echo.wait) { request, _ in
      self.started.send("Wait")
      try await self.gate.next()
      return request
    }
    registration.serverStreaming(Echo.count) { request, responses, _ in
      for number in 0..<Int(request.value) { try await responses.write(Number(number)) }
    }
    registration.serverStreaming(Echo.flood) { _, responses, _ in
      self.started.send("Flood")
      do {
        while true {
          try await responses.write(Bytes(count: 16 * 1024))
          self.floodedBlocks.add(1, ordering: .relaxed)
        }
      } catch {
        self.cancelled.send("Flood")
        throw error
      }
    }
    registration.serverStreaming(Echo.half) { request, responses, _ in
      try await responses.write(request)
      throw RPCError(.unavailable, "half way")
    }
    registration.clientStreaming(Echo.swallow) { requests, _ in
      self.started.send("Swallow")
      try await self.gate.next()
      var count = 0
      for try await request in requests { count += request.value.count }
      return Number(count)
    }
    registration.bidirectionalStreaming(Echo.chat) { requests, responses, _ in
      self.started.send("Chat")
      do {
        for try await request in requests { try await responses.write(request) }
      } catch {
        self.cancelled.send("Chat")
        throw error
      }
    }
    return registration
  }
}

/// Values that one side sends and the other waits for.
final class Signal<Value: Sendable>: Sendable {
  private let stream: AsyncStream<Value>
  private let continuation: AsyncStream<Value>.Continuation

  init() {
    (stream, continuation) = AsyncStream.makeStream()
  }

  func send(_ value: Value) { continuation.yield(value) }

  /// The next value. Throws when the waiting task is cancelled.
  @discardableResult
  func next() async throws -> Value {
    for await value in stream { return value }
    throw CancellationError()
  }
}
