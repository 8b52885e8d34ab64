import HTTP2
import NIOCore
import NIOEmbedded
import ProtoWire
import RPCCore
import Synchronization
import Testing

@testable import RPCServer
@testable import Transport

/// Clients that keep a connection waiting: what its timers do about them.
@Suite struct PatienceTests {
  typealias Wire = HostileClientTests

  static let second: Int64 = 1_000_000_000

  /// Looks at the connection's timers as if `seconds` had passed.
  private func look(_ rig: Rig, after seconds: Int64) {
    rig.connection.lookAtClock(now: Deadline.now.nanoseconds + seconds * Self.second)
  }

  @Test func `a preface that never comes ends the connection`() throws {
    let rig = try Rig()
    try rig.raw(Array("PRI * HTTP".utf8))
    look(rig, after: 9)
    #expect(rig.channel.isActive)
    look(rig, after: 10)
    #expect(!rig.channel.isActive)
    rig.settle()
    #expect(Wire.goAway(in: rig.sent) == 1)
  }

  @Test func `SETTINGS that are never acknowledged end the connection`() throws {
    let rig = try Rig()
    try rig.raw(Wire.preface + Wire.frame(1, 4, 1, Wire.request))
    look(rig, after: 9)
    #expect(rig.channel.isActive)
    look(rig, after: 10)
    #expect(!rig.channel.isActive)
    rig.settle()
    #expect(Wire.goAway(in: rig.sent) == 4)
  }

  @Test func `a client that has fallen silent is not blamed`() throws {
    let rig = try Rig()
    let stream = try rig.open(TestService.path("Chat"))
    try rig.exchange()
    look(rig, after: 60)
    #expect(rig.channel.isActive, "it is asked whether it is there")
    look(rig, after: 80)
    try rig.exchange()
    #expect(rig.goAway == 0)
    #expect(!rig.channel.isActive)
    #expect(rig.answer(stream).status == nil)
  }

  @Test func `a header block is not kept open by its own continuations`() throws {
    let rig = try Rig()
    try rig.raw(Wire.preface + Wire.frame(4, 1, 0) + Wire.frame(1, 0, 1, Wire.request))
    // The head of a CONTINUATION of 100 bytes, and of those one.
    try rig.raw([0, 0, 100, 9, 0, 0, 0, 0, 1, 0x10])
    look(rig, after: 9)
    #expect(rig.channel.isActive)
    try rig.raw([1])
    look(rig, after: 10)
    #expect(!rig.channel.isActive)
  }

  @Test func `header blocks that follow each other have their time each`() throws {
    var clock = ConnectionClock(limits: ConnectionLimits(), now: 0)
    clock.settingsAcknowledged()
    clock.heard(now: 1 * Self.second, headerBlock: 1)
    clock.heard(now: 9 * Self.second, headerBlock: 2)
    #expect(clock.look(now: 18 * Self.second, openStreams: 1) == .fine)
    #expect(clock.look(now: 19 * Self.second, openStreams: 1) == .close(.headerBlock))
  }

  @Test func `a response that nobody takes is reset, and its handler cancelled`() throws {
    let service = TestService()
    let rig = try Rig(services: [service.registration])
    rig.takesData = false
    let stream = try rig.open(TestService.path("Flood"))
    rig.send(Rig.frame(Google_Protobuf_Int64Value().serialized()), on: stream, end: true)
    try rig.exchange()
    look(rig, after: 0)
    look(rig, after: 29)
    try rig.exchange()
    #expect(rig.answer(stream).closedWith == nil)
    look(rig, after: 31)
    try rig.exchange()
    #expect(rig.answer(stream).closedWith == 8)
    #expect(service.cancelled.withLock { $0 } == 1)
    #expect(rig.channel.isActive, "other streams live")
  }

  @Test func `a socket that takes nothing is closed, and its handlers cancelled`() throws {
    let service = TestService()
    let rig = try Rig(services: [service.registration])
    let stream = try rig.open(TestService.path("Flood"))
    rig.send(Rig.frame(Google_Protobuf_Int64Value().serialized()), on: stream, end: true)
    rig.channel.isWritable = false
    try rig.exchange()
    look(rig, after: 0)
    look(rig, after: 29)
    #expect(rig.channel.isActive)
    // Bytes from the client do not help: it still takes none.
    try rig.raw(Wire.frame(8, 0, 0, [0, 0, 0, 1]))
    look(rig, after: 31)
    rig.settle()
    #expect(!rig.channel.isActive)
    #expect(service.cancelled.withLock { $0 } == 1)
    #expect(rig.core.openCalls == 0)
  }

  @Test func `a socket that takes its bytes slowly lives, however often it takes no more`() throws {
    let service = TestService()
    let rig = try Rig(services: [service.registration])
    let stream = try rig.open(TestService.path("Flood"))
    rig.send(Rig.frame(Google_Protobuf_Int64Value().serialized()), on: stream, end: true)
    rig.channel.isWritable = false
    try rig.exchange()
    for second in Int64(0)...100 {
      look(rig, after: second)
      // It takes what waits, and is full again before anybody looks.
      rig.channel.isWritable = true
      rig.channel.pipeline.fireChannelWritabilityChanged()
      rig.channel.isWritable = false
      try rig.exchange()
    }
    #expect(rig.channel.isActive)
    #expect(rig.answer(stream).data.count > 1_000_000)
  }

  @Test func `a response taken byte by byte is reset as if nobody took it`() throws {
    let service = TestService()
    let rig = try Rig(services: [service.registration])
    rig.takesData = false
    let stream = try rig.open(TestService.path("Flood"))
    rig.send(Rig.frame(Google_Protobuf_Int64Value().serialized()), on: stream, end: true)
    try rig.exchange()
    for second in Int64(0)...31 {
      look(rig, after: second)
      rig.client.consume(1, of: stream)
      try rig.exchange()
    }
    #expect(rig.answer(stream).closedWith == 8)
    #expect(service.cancelled.withLock { $0 } == 1)
  }

  @Test func `a request that does not complete in time ends, however it trickles`() throws {
    let rig = try Rig()
    let stream = try rig.open(TestService.path("Plain"))
    let frame = Rig.frame([UInt8](repeating: 0, count: 100))
    for second in Int64(0)..<30 {
      rig.send([frame[Int(second)]], on: stream)
      try rig.exchange()
      look(rig, after: second)
      #expect(rig.answer(stream).closedWith == nil)
    }
    look(rig, after: 31)
    try rig.exchange()
    #expect(rig.answer(stream).status == StatusCode.deadlineExceeded.rawValue)
    #expect(rig.core.openCalls == 0)
  }

  @Test(arguments: [
    ("Sum", true, true), ("Sum", false, true), ("Chat", true, true), ("Chat", false, false),
  ])
  func `a stream that owes a message must send it at a minimum rate`(
    method: String, isPartial: Bool, ends: Bool
  ) throws {
    let rig = try Rig(services: [TestService().registration])
    let stream = try rig.open(TestService.path(method))
    if isPartial { rig.send([0, 0, 0, 255, 255], on: stream) }
    for second in Int64(0)...31 {
      if isPartial { rig.send([1], on: stream) }
      try rig.exchange()
      look(rig, after: second)
    }
    try rig.exchange()
    let status = rig.answer(stream).status
    #expect(status == (ends ? StatusCode.deadlineExceeded.rawValue : nil))
  }

  @Test func `a stream that sends enough goes on`() throws {
    let rig = try Rig(services: [TestService().registration])
    let stream = try rig.open(TestService.path("Sum"))
    let message = Rig.frame(
      Google_Protobuf_BytesValue.with { $0.value = [UInt8](repeating: 1, count: 2_000) }
        .serialized())
    for second in Int64(0)...90 {
      rig.send(message, on: stream)
      try rig.exchange()
      look(rig, after: second)
    }
    #expect(rig.answer(stream).closedWith == nil)
  }

  @Test func `a stream that must not idle ends after its idle time, and lives while it talks`()
    throws
  {
    var limits = ServerLimits()
    limits.keepaliveInterval = nil
    let rig = try Rig(
      services: [TestService().registration], limits: limits,
      methodLimits: { _ in MethodLimits(idleTimeout: .seconds(60)) })
    let stream = try rig.open(TestService.path("Chat"))
    try rig.exchange()
    for second in stride(from: Int64(0), through: 200, by: 50) {
      rig.send(Rig.frame(Google_Protobuf_BytesValue().serialized()), on: stream)
      try rig.exchange()
      look(rig, after: second)
    }
    #expect(rig.answer(stream).closedWith == nil)
    look(rig, after: 261)
    try rig.exchange()
    #expect(rig.answer(stream).status == StatusCode.deadlineExceeded.rawValue)
  }

  @Test func `a connection without streams is closed after ten minutes`() throws {
    let rig = try Rig(limits: { $0.keepaliveInterval = nil })
    try rig.exchange()
    look(rig, after: 599)
    #expect(rig.channel.isActive)
    look(rig, after: 601)
    try rig.exchange()
    #expect(rig.goAway == 0)
    #expect(!rig.channel.isActive)
  }

  @Test(arguments: [("20m", true), ("1H", false)])
  func `a deadline ends the call on the server's own account`(timeout: String, passes: Bool) throws
  {
    let service = TestService()
    let rig = try Rig(services: [service.registration])
    let stream = try rig.open(TestService.path("Park"), fields: [("grpc-timeout", timeout)])
    rig.send(Rig.frame(Google_Protobuf_BytesValue().serialized()), on: stream, end: true)
    try rig.exchange()
    try advance(rig, by: 40_000_000)
    #expect(
      rig.answer(stream).status == (passes ? StatusCode.deadlineExceeded.rawValue : nil))
    service.release()
    rig.settle()
    #expect(service.cancelled.withLock { $0 } == (passes ? 1 : 0))
  }

  @Test func `a unary call without a deadline gets the server's, a stream none`() throws {
    let service = TestService()
    let rig = try Rig(
      services: [service.registration], limits: { $0.defaultUnaryTimeout = .milliseconds(20) })
    let unary = try rig.open(TestService.path("Park"))
    rig.send(Rig.frame(Google_Protobuf_BytesValue().serialized()), on: unary, end: true)
    let stream = try rig.open(TestService.path("Chat"))
    try rig.exchange()
    try advance(rig, by: 40_000_000)
    #expect(rig.answer(unary).status == StatusCode.deadlineExceeded.rawValue)
    #expect(rig.answer(stream).closedWith == nil)
    service.release()
    rig.settle()
    #expect(ServerLimits().defaultUnaryTimeout == .seconds(30))
  }

  @Test(arguments: [Duration?.none, .seconds(600)])
  func `the latest deadline holds for calls that bring none, whatever the default`(
    standard: Duration?
  ) throws {
    let service = TestService()
    let rig = try Rig(
      services: [service.registration],
      limits: {
        $0.defaultUnaryTimeout = standard
        $0.maxUnaryTimeout = .milliseconds(20)
      })
    let call = try rig.open(TestService.path("Park"))
    rig.send(Rig.frame(Google_Protobuf_BytesValue().serialized()), on: call, end: true)
    try rig.exchange()
    try advance(rig, by: 40_000_000)
    #expect(rig.answer(call).status == StatusCode.deadlineExceeded.rawValue)
    service.release()
    rig.settle()
  }

  /// Lets time pass, and the loop look at its deadlines.
  private func advance(_ rig: Rig, by nanoseconds: Int64) throws {
    let end = Deadline.now.nanoseconds + nanoseconds
    while Deadline.now.nanoseconds < end {}
    rig.channel.embeddedEventLoop.advanceTime(to: .uptimeNanoseconds(UInt64(end)))
    try rig.exchange()
  }
}
