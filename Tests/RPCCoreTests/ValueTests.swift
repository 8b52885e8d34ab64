import ProtoWire
import RPCCore
import Testing

@Suite struct DeadlineTests {
  @Test(
    arguments: [
      (Duration.seconds(1), 1_000_000_000), (.nanoseconds(1), 1), (.zero, 0),
      (.milliseconds(-5), -5_000_000), (.seconds(9_223_372_036), 9_223_372_036_000_000_000),
      (.seconds(9_223_372_037), Int64.max), (.seconds(Int64.max), Int64.max),
      (.seconds(Int64.min), Int64.min),
    ] as [(Duration, Int64)])
  func `a duration becomes nanoseconds, saturating`(duration: Duration, nanoseconds: Int64) {
    #expect(duration.clampedNanoseconds == nanoseconds)
  }

  @Test func `a deadline beyond the clock is the end of the clock`() {
    #expect(Deadline(nanoseconds: 5).advanced(by: .seconds(Int64.max)).nanoseconds == .max)
    #expect(Deadline(nanoseconds: -5).advanced(by: .seconds(Int64.min)).nanoseconds == .min)
  }

  @Test func `what remains is never negative`() {
    let deadline = Deadline(nanoseconds: 1000)
    #expect(deadline.remaining(from: Deadline(nanoseconds: 400)) == .nanoseconds(600))
    #expect(deadline.remaining(from: Deadline(nanoseconds: 1000)) == .zero)
    #expect(deadline.remaining(from: Deadline(nanoseconds: 1001)) == .zero)
  }
}

@Suite struct StatusCodeTests {
  @Test(arguments: StatusCode.allCases)
  func `codes have the numbers and names of the specification`(code: StatusCode) {
    let names = [
      "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND",
      "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
      "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS",
      "UNAUTHENTICATED",
    ]
    #expect(names[code.rawValue] == code.name)
    #expect(StatusCode(wire: code.rawValue) == code)
  }

  @Test(arguments: [-1, 17, 1000, Int.max, Int.min])
  func `a number nobody knows is UNKNOWN`(number: Int) {
    #expect(StatusCode(wire: number) == .unknown)
  }

  @Test func `what a handler throws becomes a status without hints`() {
    struct Secret: Error, CustomStringConvertible { var description: String { "password" } }
    #expect(RPCError(wrapping: Secret()) == RPCError(.internalError, "internal error"))
    #expect(RPCError(wrapping: CancellationError()).code == .cancelled)
    #expect(RPCError(wrapping: RPCError(.aborted, "again")) == RPCError(.aborted, "again"))
    #expect(RPCError(.ok, "").code == .unknown)
  }
}

@Suite struct ByteQueueTests {
  @Test func `bytes come out in the order they went in, over many wraps`() {
    var queue = ByteQueue()
    var next: UInt8 = 0
    var expected: UInt8 = 0
    for round in 1...200 {
      let chunk = (0..<round).map { _ in
        defer { next &+= 1 }
        return next
      }
      chunk.withUnsafeBytes { queue.append($0) }
      let take = min(queue.count, round * 3 / 4 + 1)
      for byte in queue.bytes.prefix(take) {
        #expect(byte == expected)
        expected &+= 1
      }
      queue.consume(take)
    }
    for byte in queue.bytes {
      #expect(byte == expected)
      expected &+= 1
    }
    #expect(expected == next)
  }

  @Test func `memory is kept for reuse and given back on demand`() {
    var queue = ByteQueue()
    [UInt8](repeating: 1, count: 5000).withUnsafeBytes { queue.append($0) }
    #expect(queue.allocated == 8192)
    queue.release(above: 0)
    #expect(queue.allocated == 8192, "bytes are waiting")
    queue.consume(5000)
    queue.release(above: 8192)
    #expect(queue.allocated == 8192)
    queue.release(above: 8191)
    #expect(queue.allocated == 0)
  }

  @Test(arguments: [0, 1, 127, 128, 70_000])
  func `a message is framed with flag 0 and its big-endian length`(count: Int) {
    var queue = ByteQueue()
    var sizes = WireSizes()
    var message = Google_Protobuf_BytesValue()
    message.value = [UInt8](repeating: 9, count: count)
    queue.append(message: message, sizes: &sizes)
    let body = message.serialized()
    let length = UInt32(body.count)
    let prefix = [0] + (0..<4).map { UInt8(truncatingIfNeeded: length >> (24 - 8 * $0)) }
    #expect(Array(queue.bytes) == prefix + body)
  }
}

@Suite struct DirectCallTests {
  @Test func `a service can be called with streams that no transport carries`() async throws {
    let requests = RequestStream(
      (1...3).map { number in
        Google_Protobuf_Int64Value.with { $0.value = Int64(number) }
      })
    let seen = Collected()
    let responses = ResponseStream<Google_Protobuf_Int64Value>(collecting: { seen.add($0.value) })
    for try await request in requests {
      try await responses.write(.with { $0.value = request.value * 2 })
    }
    let detached = responses.detach()
    #expect(detached.send(.with { $0.value = 8 }))
    #expect(seen.values == [2, 4, 6, 8])
    detached.finish()
    #expect(detached.isTerminated)
    #expect(!detached.send(.with { $0.value = 10 }))
    await #expect(throws: RPCError.self) { try await responses.write(.with { $0.value = 12 }) }
    #expect(seen.values == [2, 4, 6, 8])
  }

  @Test func `a detached stream says once that it has ended, also to those who ask late`() {
    let responses = ResponseStream<Google_Protobuf_Int64Value>(collecting: { _ in })
    let stream = responses.detach()
    let seen = Collected()
    stream.onTermination { _ in seen.add(1) }
    stream.finish(RPCError(.unavailable, "bye"))
    stream.finish()
    stream.onTermination { error in seen.add(error?.code == .unavailable ? 2 : 3) }
    #expect(seen.values == [1, 2])
  }
}
