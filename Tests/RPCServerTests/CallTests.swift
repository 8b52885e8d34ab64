import Framing
import HTTP2
import NIOCore
import ProtoWire
import RPCCore
import Synchronization
import Testing
import Transport

@testable import RPCServer

@Suite struct CallTests {
  let service = TestService()

  func rig(_ limits: ServerLimits = ServerLimits()) throws -> Rig {
    try Rig(services: [service.registration], limits: limits)
  }

  static func bytes(_ count: Int) -> Bytes {
    Bytes.with { $0.value = [UInt8](repeating: 7, count: count) }
  }

  @Test(arguments: [0, 1, 1000, 16_384, 70_000, 300_000])
  func `a unary call answers with one message and OK`(count: Int) throws {
    let rig = try rig()
    let answer = try rig.unary(TestService.path("Plain"), Self.bytes(count))
    #expect(answer.head?[":status"] == "200")
    #expect(answer.head?["content-type"] == "application/grpc")
    #expect(answer.messages == [Self.bytes(count).serialized()])
    #expect(answer.status == 0)
    #expect(answer.closedWith == 0)
    #expect(rig.core.openCalls == 0)
  }

  @Test func `metadata goes both ways, text and bytes`() throws {
    let answer = try rig().unary(
      TestService.path("Echo"), Self.bytes(1),
      fields: [("x-initial", "one"), ("x-trailing-bin", "AAEC_w".replacing("_", with: "/"))])
    #expect(answer.head?["x-initial"] == "one")
    #expect(answer.trailers?[binary: "x-trailing-bin"] == [0, 1, 2, 255])
  }

  @Test(arguments: StatusCode.allCases.dropFirst())
  func `an error is trailers only, with message, details and metadata`(code: StatusCode) throws {
    let answer = try rig().unary(
      TestService.path("Fail"), Number.with { $0.value = Int64(code.rawValue) })
    #expect(answer.status == code.rawValue)
    #expect(answer.message == "na%C3%AFve 100 %25%0A")
    #expect(answer.trailers?["x-error"] == "yes")
    #expect(answer.trailers?[":status"] == "200", "head and trailers are one block")
    let details = try #require(answer.trailers?[binary: "grpc-status-details-bin"])
    let status = try Google_Rpc_Status(wire: details)
    #expect(status.code == Int32(code.rawValue))
    #expect(status.details.first?.value == [1])
  }

  @Test func `what a handler throws otherwise is INTERNAL without a hint`() throws {
    let answer = try rig().unary(TestService.path("Throw"), Self.bytes(1))
    #expect(answer.status == StatusCode.internalError.rawValue)
    #expect(answer.message == "internal error")
  }

  @Test(arguments: ["/test.Service/Nope", "/", "", "/test.Service/Echo/", "/test.Service/Ech"])
  func `a path nobody registered is UNIMPLEMENTED`(path: String) throws {
    guard !path.isEmpty else { return }
    let answer = try rig().unary(path, Self.bytes(1))
    #expect(answer.status == StatusCode.unimplemented.rawValue)
  }

  @Test(arguments: [0, 1, 5000, 100_000] as [Int64])
  func `a server stream delivers every message in order`(count: Int64) throws {
    let answer = try rig().unary(TestService.path("Count"), Number.with { $0.value = count })
    let values = try answer.messages.map { try Number(wire: $0).value }
    #expect(values == Array(0..<count))
    #expect(answer.status == 0)
  }

  @Test func `a client stream is read to its end`() throws {
    let rig = try rig()
    let stream = try rig.open(TestService.path("Sum"))
    for count in [0, 1, 70_000, 400_000] {
      rig.send(Rig.frame(Self.bytes(count).serialized()), on: stream)
      try rig.exchange()
    }
    rig.client.end(stream)
    try rig.exchange()
    let answer = rig.answer(stream)
    #expect(try Number(wire: try #require(answer.messages.first)).value == 470_001)
    #expect(answer.status == 0)
  }

  @Test func `a bidirectional call answers each message as it comes`() throws {
    let rig = try rig()
    let stream = try rig.open(TestService.path("Chat"))
    for count in 1...3 {
      rig.send(Rig.frame(Self.bytes(count).serialized()), on: stream)
      try rig.exchange()
      #expect(rig.answer(stream).messages.count == count)
    }
    rig.client.end(stream)
    try rig.exchange()
    #expect(rig.answer(stream).status == 0)
    #expect(rig.answer(stream).messages == (1...3).map { Self.bytes($0).serialized() })
  }

  @Test func `a message cut into single bytes is the same message`() throws {
    let rig = try rig()
    let stream = try rig.open(TestService.path("Chat"))
    for byte in Rig.frame(Self.bytes(20).serialized()) {
      rig.send([byte], on: stream)
      try rig.exchange()
    }
    #expect(rig.answer(stream).messages == [Self.bytes(20).serialized()])
  }

  @Test func `reset cancels the handler, and its place is free once it has returned`() throws {
    let rig = try rig()
    let stream = try rig.open(TestService.path("Park"))
    rig.send(Rig.frame(Self.bytes(1).serialized()), on: stream, end: true)
    try rig.exchange()
    #expect(service.running.withLock { $0 } == 1)
    rig.client.reset(stream, errorCode: 8)
    try rig.exchange()
    #expect(rig.core.openCalls == 1)
    service.release()
    try rig.exchange()
    #expect(service.cancelled.withLock { $0 } == 1)
    #expect(rig.core.openCalls == 0)
  }

  @Test func `disconnecting cancels what runs and fails who writes or reads`() throws {
    let rig = try rig()
    rig.takesData = false
    for (name, message) in [("Park", Self.bytes(1)), ("Flood", Self.bytes(0))] {
      let stream = try rig.open(TestService.path(name))
      rig.send(Rig.frame(message.serialized()), on: stream, end: true)
    }
    _ = try rig.open(TestService.path("Chat"))
    try rig.exchange()
    #expect(rig.core.openCalls == 3)
    try rig.channel.close().wait()
    service.release()
    rig.settle()
    #expect(rig.core.openCalls == 0)
    #expect(service.cancelled.withLock { $0 } == 3)
    #expect(rig.connection.session.openStreams == 0)
  }

  @Test func `a slow reader stops its writer within bounds and no one else`() throws {
    let rig = try rig()
    rig.takesData = false
    let stream = try rig.open(TestService.path("Flood"))
    rig.send(Rig.frame(Number().serialized()), on: stream, end: true)
    try rig.exchange()
    // A window of 256 KiB, and the high-water mark on this side of it.
    let written = service.running.withLock { $0 } * 1010
    #expect(written > 256 * 1024)
    #expect(written < 256 * 1024 + 2 * ServerCall.highWaterMark)
    #expect(try rig.unary(TestService.path("Plain"), Self.bytes(9)).status == 0)
    #expect(service.running.withLock { $0 } * 1010 == written)
  }

  @Test func `a handler that does not read stops its client`() throws {
    let rig = try rig()
    let stream = try rig.open(TestService.path("Ignore"))
    for _ in 0..<10 { rig.send(Rig.frame(Self.bytes(100_000).serialized()), on: stream) }
    try rig.exchange()
    let left = stream.outboundBytes
    #expect(left > 1_000_000 - 256 * 1024 - 100_000, "the stream's window is 256 KiB")
    #expect(try rig.unary(TestService.path("Plain"), Self.bytes(100_000)).status == 0)
    #expect(stream.outboundBytes == left)
  }

  @Test func `a detached stream lives without its handler and ends by the client's word`() throws {
    let rig = try rig()
    let stream = try rig.open(TestService.path("Detach"))
    rig.send(Rig.frame(Self.bytes(0).serialized()), on: stream, end: true)
    try rig.exchange()
    #expect(rig.core.openCalls == 1, "a stream's place, no handler's")
    #expect(rig.answer(stream).head?[":status"] == "200", "the head is sent at once")
    let detached = try #require(service.detached.withLock { $0.first })
    #expect(detached.send(Self.bytes(3)))
    detached.sendEncoded(Self.bytes(4).serialized())
    #expect(detached.bufferedBytes > 0)
    try rig.exchange()
    #expect(detached.bufferedBytes == 0)
    #expect(rig.answer(stream).messages.count == 2)
    rig.client.reset(stream, errorCode: 8)
    try rig.exchange()
    #expect(detached.isTerminated)
    #expect(service.cancelled.withLock { $0 } == 1)
    #expect(!detached.send(Self.bytes(1)))
  }

  @Test func `a detached stream ends with the status it is given`() throws {
    let rig = try rig()
    let stream = try rig.open(TestService.path("Detach"))
    rig.send(Rig.frame(Self.bytes(0).serialized()), on: stream, end: true)
    try rig.exchange()
    let detached = try #require(service.detached.withLock { $0.first })
    detached.send(Self.bytes(3))
    detached.finish(RPCError(.outOfRange, "compacted"))
    try rig.exchange()
    #expect(rig.answer(stream).messages.count == 1)
    #expect(rig.answer(stream).status == StatusCode.outOfRange.rawValue)
  }

  @Test func `ending a stream from outside ends the handler that waits for its client`() throws {
    let rig = try rig()
    let stream = try rig.open(TestService.path("Linger"))
    rig.send(Rig.frame(Self.bytes(3).serialized()), on: stream)
    try rig.exchange()
    #expect(rig.core.openCalls == 1)
    let detached = try #require(service.detached.withLock { $0.first })
    detached.finish(RPCError(.unavailable, "go elsewhere"))
    try rig.exchange()
    #expect(rig.answer(stream).status == StatusCode.unavailable.rawValue)
    #expect(service.cancelled.withLock { $0 } == 1)
    #expect(rig.core.openCalls == 0)
  }

  @Test func `a request that is detached is worked on without a handler, in order`() throws {
    let rig = try rig()
    let stream = try rig.open(TestService.path("Converse"))
    try rig.exchange()
    #expect(rig.answer(stream).head?[":status"] == "200")
    for count in [1, 2, 3] { rig.send(Rig.frame(Self.bytes(count).serialized()), on: stream) }
    try rig.exchange()
    #expect(rig.answer(stream).messages.count == 3)
    rig.send(Rig.frame(Self.bytes(4).serialized()), on: stream, end: true)
    try rig.exchange()
    #expect(
      try rig.answer(stream).messages.map { try Bytes(wire: $0).value.count } == [1, 2, 3, 4])
    #expect(rig.answer(stream).status == 0)
    #expect(rig.core.openCalls == 0)
  }

  @Test(arguments: [
    (Rig.frame([0xff]), StatusCode.internalError), (Rig.frame([], flag: 7), .internalError),
    (Rig.frame(bytes(13).serialized()), .aborted),
  ])
  func `what breaks a detached request ends the call with its reason`(
    frame: [UInt8], code: StatusCode
  ) throws {
    let rig = try rig()
    let stream = try rig.open(TestService.path("Converse"))
    rig.send(frame, on: stream)
    try rig.exchange()
    #expect(rig.answer(stream).status == code.rawValue)
    #expect(rig.core.openCalls == 0)
  }

  @Test func `work on a message of a detached request is cancelled with its call`() throws {
    let rig = try rig()
    let stream = try rig.open(TestService.path("Converse"))
    rig.send(Rig.frame(Self.bytes(99).serialized()), on: stream)
    rig.send(Rig.frame(Self.bytes(1).serialized()), on: stream)
    try rig.exchange()
    #expect(service.running.withLock { $0 } == 1, "one message at a time")
    rig.client.reset(stream, errorCode: 8)
    try rig.exchange()
    service.release()
    try rig.exchange()
    #expect(service.cancelled.withLock { $0 } == 1)
    #expect(rig.core.openCalls == 0)
  }

  @Test(arguments: ["0n", "0S", "1n", "1u"])
  func `a call whose time is up starts no handler`(timeout: String) throws {
    let rig = try rig()
    let stream = try rig.open(TestService.path("Park"), fields: [("grpc-timeout", timeout)])
    rig.send(Rig.frame(Self.bytes(1).serialized()), on: stream, end: true)
    try rig.exchange()
    #expect(rig.answer(stream).status == StatusCode.deadlineExceeded.rawValue)
    #expect(service.running.withLock { $0 } == 0)
    let chat = try rig.open(TestService.path("Chat"), fields: [("grpc-timeout", timeout)])
    try rig.exchange()
    #expect(rig.answer(chat).status == StatusCode.deadlineExceeded.rawValue)
    #expect(rig.core.openCalls == 0)
  }

  @Test func `a unary call's deadline is no later than the server's greatest`() throws {
    let rig = try Rig(services: [service.registration], limits: { $0.maxUnaryTimeout = .zero })
    let call = try rig.unary(
      TestService.path("Plain"), Self.bytes(1), fields: [("grpc-timeout", "1H")])
    #expect(call.status == StatusCode.deadlineExceeded.rawValue)
    let stream = try rig.open(TestService.path("Chat"), fields: [("grpc-timeout", "1H")])
    try rig.exchange()
    #expect(rig.answer(stream).closedWith == nil, "a stream's is its own")
  }

  @Test func `handlers beyond the cap are refused, those within go on`() throws {
    var limits = ServerLimits()
    limits.maxCallsPerCaller = 2
    let rig = try rig(limits)
    for _ in 0..<2 {
      let stream = try rig.open(TestService.path("Park"))
      rig.send(Rig.frame(Self.bytes(1).serialized()), on: stream, end: true)
    }
    try rig.exchange()
    let refused = try rig.unary(TestService.path("Plain"), Self.bytes(1))
    #expect(refused.status == StatusCode.resourceExhausted.rawValue)
    service.release()
    try rig.exchange()
    #expect(try rig.unary(TestService.path("Plain"), Self.bytes(1)).status == 0)
  }
}
