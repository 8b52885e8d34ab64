import ProtoWire
import RPCCore
import Synchronization

/// One method for each way a call can go. State is shared by all its methods, and looked at by the tests.
final class TestService: Sendable {
  let cancelled = Mutex(0)
  let running = Mutex(0)
  let detached = Mutex<[DetachedResponseStream<Bytes>]>([])
  let parked = Mutex<[UnsafeContinuation<Void, Never>]>([])

  static func path(_ name: String) -> String { "/test.Service/\(name)" }

  private func method<Q, S>(_ name: String, _ kind: MethodKind) -> MethodDescriptor<Q, S> {
    MethodDescriptor(service: "test.Service", name: name, kind: kind)
  }

  /// Lets every parked handler go on.
  func release() {
    let waiting = parked.withLock { parked in
      defer { parked = [] }
      return parked
    }
    for continuation in waiting { continuation.resume() }
  }

  private func park() async {
    await withUnsafeContinuation { continuation in
      parked.withLock { $0.append(continuation) }
    }
  }

  var registration: ServiceRegistration {
    var registration = ServiceRegistration(service: "test.Service")
    registration.unary(method("Echo", .unary)) { (request: Bytes, context) in
      context.initialMetadata =
        context.requestMetadata["x-initial"].map { ["x-initial": $0] } ?? [:]
      if let bytes = context.requestMetadata[binary: "x-trailing-bin"] {
        var trailing = Metadata()
        try trailing.add(binary: bytes, for: "x-trailing-bin")
        context.trailingMetadata = trailing
      }
      return request
    }
    registration.unary(method("Plain", .unary)) { (request: Bytes, _) in request }
    registration.unary(method("Fail", .unary)) { (request: Number, _) -> Bytes in
      throw RPCError(
        StatusCode(wire: Int(request.value)), "naïve 100 %\n",
        details: [
          Google_Protobuf_Any.with {
            $0.typeUrl = "type.googleapis.com/x.Y"; $0.value = [1]
          }
        ],
        metadata: ["x-error": "yes"])
    }
    registration.unary(method("Throw", .unary)) { (_: Bytes, _) -> Bytes in
      struct Secret: Error {}
      throw Secret()
    }
    registration.unary(method("Park", .unary)) { (request: Bytes, context) in
      self.running.withLock { $0 += 1 }
      await self.park()
      self.running.withLock { $0 -= 1 }
      if context.isCancelled, Task.isCancelled { self.cancelled.withLock { $0 += 1 } }
      return request
    }
    registration.serverStreaming(method("Count", .serverStreaming)) {
      (request: Number, responses: ResponseStream<Number>, _) in
      for value in 0..<request.value {
        try await responses.write(.with { $0.value = value })
      }
    }
    registration.serverStreaming(method("Flood", .serverStreaming)) {
      (request: Number, responses: ResponseStream<Bytes>, context) in
      let block = Bytes.with { $0.value = [UInt8](repeating: 1, count: 1000) }
      do {
        while true {
          try await responses.write(block)
          self.running.withLock { $0 += 1 }
        }
      } catch {
        self.cancelled.withLock { $0 += 1 }
        throw error
      }
    }
    registration.serverStreaming(method("Detach", .serverStreaming)) {
      (_: Bytes, responses: ResponseStream<Bytes>, _) in
      let stream = responses.detach()
      stream.onTermination { _ in self.cancelled.withLock { $0 += 1 } }
      self.detached.withLock { $0.append(stream) }
    }
    registration.clientStreaming(method("Sum", .clientStreaming)) {
      (requests: RequestStream<Bytes>, _) in
      var sum: Int64 = 0
      for try await request in requests { sum += Int64(request.value.count) }
      return Number.with { $0.value = sum }
    }
    registration.clientStreaming(method("Ignore", .clientStreaming)) {
      (_: RequestStream<Bytes>, _) in
      await self.park()
      return Number()
    }
    registration.bidirectionalStreaming(method("Linger", .bidirectionalStreaming)) {
      (requests: RequestStream<Bytes>, responses: ResponseStream<Bytes>, context) in
      let stream = responses.detach()
      self.detached.withLock { $0.append(stream) }
      do {
        for try await _ in requests {}
      } catch {
        if context.isCancelled { self.cancelled.withLock { $0 += 1 } }
        throw error
      }
    }
    registration.bidirectionalStreaming(method("Converse", .bidirectionalStreaming)) {
      (requests: RequestStream<Bytes>, responses: ResponseStream<Bytes>, context) in
      let stream = responses.detach()
      requests.detach { request in
        if request.value.count == 13 { throw RPCError(.aborted, "thirteen") }
        if request.value.count == 99 {
          self.running.withLock { $0 += 1 }
          await self.park()
          if Task.isCancelled, context.isCancelled { self.cancelled.withLock { $0 += 1 } }
        }
        try await responses.write(request)
      } onEnd: {
        stream.finish($0)
      }
    }
    registration.bidirectionalStreaming(method("Hold", .bidirectionalStreaming)) {
      (requests: RequestStream<Bytes>, responses: ResponseStream<Bytes>, _) in
      let stream = responses.detach()
      requests.detach { _ in
        self.running.withLock { $0 += 1 }
        await self.park()
        self.running.withLock { $0 -= 1 }
      } onEnd: {
        stream.finish($0)
      }
    }
    registration.bidirectionalStreaming(method("Chat", .bidirectionalStreaming)) {
      (requests: RequestStream<Bytes>, responses: ResponseStream<Bytes>, _) in
      do {
        for try await request in requests { try await responses.write(request) }
      } catch {
        self.cancelled.withLock { $0 += 1 }
        throw error
      }
    }
    return registration
  }
}
