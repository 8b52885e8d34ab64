import Framing
import HTTP2
import NIOCore
import NIOEmbedded
import ProtoWire
import RPCCore
import StandardProtos
import Synchronization
import Testing

@testable import RPCServer
@testable import Transport

/// Who gets a place, and who is refused one.
@Suite struct AdmissionTests {
  let service = TestService()

  /// Takes the header `x-caller` for who calls.
  struct Names: ServerInterceptor {
    func callStarted(_ context: ServerContext) throws {
      if let name = context.requestMetadata["x-caller"] {
        context.identify(name, account: name)
      }
    }
  }

  private func rig(
    _ limits: ServerLimits = ServerLimits(),
    of methods: (AnyMethodDescriptor) -> MethodLimits = MethodLimits.standard
  ) throws -> Rig {
    try Rig(
      services: [service.registration], interceptors: [Names()], limits: limits,
      methodLimits: methods, errorDomain: "test")
  }

  private func hold(_ rig: Rig, _ method: String, as name: String, count: Int = 1) throws
    -> [ClientStream]
  {
    try (0..<count).map { _ in
      let stream = try rig.open(TestService.path(method), fields: [("x-caller", name)])
      if method == "Park" { rig.send(Rig.frame(Bytes().serialized()), on: stream, end: true) }
      return stream
    }
  }

  private func details(_ answer: Rig.Answer) throws -> [Google_Protobuf_Any] {
    let bytes = try #require(answer.trailers?[binary: "grpc-status-details-bin"])
    return try Google_Rpc_Status(wire: bytes).details
  }

  @Test func `idle streams take no place from calls`() throws {
    let rig = try rig()
    var held = try hold(rig, "Chat", as: "a", count: 90)
    try rig.exchange()
    #expect(rig.core.admission.streams.inUse == 90)
    #expect(rig.core.admission.calls.inUse == 0)
    #expect(try rig.unary(TestService.path("Plain"), Bytes()).status == 0)
    for stream in held { rig.client.reset(stream, errorCode: 8) }
    try rig.exchange()
    #expect(rig.core.openCalls == 0)
    held = []
  }

  @Test func `a caller gets no more than is left for the others, who notice nothing`() throws {
    var limits = ServerLimits()
    limits.maxOpenStreams = 20
    let rig = try rig(limits)
    let greedy = try hold(rig, "Chat", as: "greedy", count: 20)
    try rig.exchange()
    let refused = greedy.filter { rig.answer($0).status == StatusCode.resourceExhausted.rawValue }
    #expect(refused.count == 10)
    let others = try (0..<5).flatMap { try hold(rig, "Chat", as: "other \($0)") }
    try rig.exchange()
    #expect(others.allSatisfy { rig.answer($0).closedWith == nil })
    let answer = rig.answer(try #require(refused.first))
    let found = try details(answer)
    #expect(try found.first?.unpacked(as: Google_Rpc_ErrorInfo.self)?.reason == "OVERLOADED")
    let quota = try #require(try found[1].unpacked(as: Google_Rpc_QuotaFailure.self))
    #expect(quota.violations.first?.subject == "principal greedy")
    let retry = try #require(try found[2].unpacked(as: Google_Rpc_RetryInfo.self))
    #expect(retry.retryDelay?.seconds == 1)
  }

  @Test func `who has not said who it is counts by its address, all of its streams together`()
    throws
  {
    var limits = ServerLimits()
    limits.maxOpenStreamsPerCaller = 3
    let rig = try rig(limits)
    let streams = try (0..<5).map { _ in try rig.open(TestService.path("Chat")) }
    try rig.exchange()
    #expect(streams.filter { rig.answer($0).closedWith != nil }.count == 2)
    let named = try hold(rig, "Chat", as: "somebody")
    try rig.exchange()
    #expect(named.allSatisfy { rig.answer($0).closedWith == nil })
  }

  @Test func `a call keeps its place until its handler has returned`() throws {
    var limits = ServerLimits()
    limits.maxCallsPerCaller = 2
    let rig = try rig(limits)
    let calls = try hold(rig, "Park", as: "a", count: 2)
    try rig.exchange()
    for call in calls { rig.client.reset(call, errorCode: 8) }
    try rig.exchange()
    let fields = [("x-caller", "a")]
    #expect(
      try rig.unary(TestService.path("Plain"), Bytes(), fields: fields).status
        == StatusCode.resourceExhausted.rawValue)
    service.release()
    try rig.exchange()
    #expect(try rig.unary(TestService.path("Plain"), Bytes(), fields: fields).status == 0)
    #expect(rig.core.openCalls == 0)
  }

  @Test func `accounts that hold nothing are forgotten, those with something are kept`() {
    let accounts = Accounts()
    let kept = accounts.account("kept", now: 0)
    _ = accounts.account("limited", now: 0)
      .take(RateLimit(name: "r", burst: 1, perMinute: 1), share: 1, now: 0)
    for number in 0..<5_000 { _ = accounts.account("\(number)", now: 1) }
    #expect(accounts.count < 2_048)
    #expect(accounts.account("kept", now: 1) === kept)
    let limited = accounts.account("limited", now: 1)
    #expect(
      limited.take(RateLimit(name: "r", burst: 1, perMinute: 1), share: 1, now: 1) != nil,
      "a rate that has not recovered is remembered")
  }

  // MARK: Methods

  @Test func `a method's streams are bounded on each connection, its requests in bytes`() throws {
    let rig = try rig()
    let path = "/grpc.health.v1.Health/Watch"
    let request = Rig.frame(Grpc_Health_V1_HealthCheckRequest().serialized())
    var streams: [ClientStream] = []
    for _ in 0..<17 {
      let stream = try rig.open(path)
      rig.send(request, on: stream, end: true)
      streams.append(stream)
    }
    try rig.exchange()
    #expect(streams.filter { rig.answer($0).closedWith != nil }.count == 1)
    rig.client.reset(streams[0], errorCode: 8)
    try rig.exchange()
    let again = try rig.open(path)
    rig.send(request, on: again, end: true)
    try rig.exchange()
    #expect(rig.answer(again).closedWith == nil)
    let large = try rig.unary(
      "/grpc.health.v1.Health/Check",
      Grpc_Health_V1_HealthCheckRequest.with { $0.service = String(repeating: "x", count: 5_000) })
    #expect(large.status == StatusCode.resourceExhausted.rawValue)
    let long = try rig.unary(
      "/grpc.health.v1.Health/Check",
      Grpc_Health_V1_HealthCheckRequest.with { $0.service = String(repeating: "x", count: 1_025) })
    #expect(long.status == StatusCode.invalidArgument.rawValue)
  }

  @Test func `a rate is the caller's own, and says when to come again`() throws {
    let rate = RateLimit(name: "transition", burst: 2, perMinute: 30)
    let rig = try rig { $0.name == "Plain" ? MethodLimits(rate: rate) : MethodLimits() }
    func call(_ name: String) throws -> Rig.Answer {
      try rig.unary(TestService.path("Plain"), Bytes(), fields: [("x-caller", name)])
    }
    #expect(try call("a").status == 0)
    #expect(try call("a").status == 0)
    let refused = try call("a")
    #expect(refused.status == StatusCode.resourceExhausted.rawValue)
    let found = try details(refused)
    #expect(try found[0].unpacked(as: Google_Rpc_ErrorInfo.self)?.reason == "RATE_LIMITED")
    let wait = try #require(try found[2].unpacked(as: Google_Rpc_RetryInfo.self)?.retryDelay)
    #expect(wait.seconds <= 2)
    #expect(try call("b").status == 0)
    #expect(
      try rig.unary(TestService.path("Echo"), Bytes(), fields: [("x-caller", "a")]).status == 0)
    #expect(rig.core.openCalls == 0)
  }

  @Test func `callers of a kind have a rate of their own, and their address that of all`() throws {
    let all = RateLimit(name: "enrollment", burst: 2, perMinute: 1)
    let few = RateLimit(name: "enrollment", burst: 1, perMinute: 1)
    let limits = MethodLimits(rate: all, tierRates: ["device": few, "operator": nil])
    let method = ServedMethod(
      try #require(TestService().registration.methods.first { $0.descriptor.name == "Plain" }),
      limits, ServerLimits())
    let admission = Admission(ServerLimits(), errorDomain: nil)
    let network = admission.accounts.account("address", now: 0)
    /// Of twenty calls.
    func granted(_ tier: String, _ name: String) -> Int {
      let account = admission.accounts.account(name, now: 0)
      return (0..<20).count { _ in
        do throws(RPCError) {
          try admission.admit(method, account, network: network, tier: tier, now: 0)
          admission.release(method, account)
          return true
        } catch {
          return false
        }
      }
    }
    #expect(granted("device", "one") == 1)
    #expect(granted("device", "two") == 1)
    #expect(granted("", "enrol") == 2)
    #expect(granted("operator", "admin") == 20)
    // Four of the address's eight are left, to devices too.
    #expect((0..<9).count { granted("device", "more \($0)") == 1 } == 4)
    #expect(granted("operator", "admin") == 20)
  }

  @Test func `an address may do four times what a principal may`() throws {
    let rate = RateLimit(name: "transition", burst: 2, perMinute: 1)
    let rig = try rig { $0.name == "Plain" ? MethodLimits(rate: rate) : MethodLimits() }
    var granted = 0
    for number in 0..<20 {
      let fields = [("x-caller", "\(number)")]
      if try rig.unary(TestService.path("Plain"), Bytes(), fields: fields).status == 0 {
        granted += 1
      }
    }
    #expect(granted == 8)
  }

  // MARK: Bytes

  @Test func `requests that never complete hold bytes of their caller only, within bounds`() throws
  {
    var limits = ServerLimits()
    limits.maxRequestBufferBytes = 1_000_000
    let rig = try rig(limits)
    let part = Array(Rig.frame([UInt8](repeating: 7, count: 300_000)).dropLast())
    let streams = try (0..<4).map { _ in
      let stream = try rig.open(TestService.path("Plain"), fields: [("x-caller", "slow")])
      rig.send(part, on: stream)
      return stream
    }
    try rig.exchange()
    let refused = streams.filter {
      rig.answer($0).status == StatusCode.resourceExhausted.rawValue
    }
    #expect(refused.count == 3, "a caller alone gets half of the million")
    #expect(rig.core.admission.requestBytes.inUse < 300_000)
    let other = Bytes.with { $0.value = [UInt8](repeating: 1, count: 300_000) }
    #expect(
      try rig.unary(TestService.path("Plain"), other, fields: [("x-caller", "other")]).status == 0)
    for stream in streams { rig.client.reset(stream, errorCode: 8) }
    try rig.exchange()
    #expect(rig.core.admission.requestBytes.inUse == 0)
  }

  @Test func `a stream's message that never completes is counted, a complete one given back`()
    throws
  {
    let rig = try rig()
    let stream = try rig.open(TestService.path("Sum"))
    let frame = Rig.frame(
      Bytes.with { $0.value = [UInt8](repeating: 7, count: 200_000) }.serialized())
    rig.send(Array(frame.dropLast()), on: stream)
    try rig.exchange()
    #expect(rig.core.admission.requestBytes.inUse > 190_000)
    rig.send([7], on: stream)
    try rig.exchange()
    #expect(rig.core.admission.requestBytes.inUse == 0)
    #expect(rig.answer(stream).closedWith == nil)
  }

  @Test(arguments: ["Converse", "Sum"])
  func `a batch of messages that overdraws ends the stream before the first of them is taken`(
    method: String
  ) throws {
    var limits = ServerLimits()
    limits.maxRequestBufferBytesPerCaller = 10_000
    let rig = try rig(limits)
    let stream = try rig.open(TestService.path(method))
    try rig.exchange()
    // 99 bytes: the handler says that it has seen them, and stays.
    let first = Rig.frame(Bytes.with { $0.value = [UInt8](repeating: 7, count: 99) }.serialized())
    let second = Rig.frame(
      Bytes.with { $0.value = [UInt8](repeating: 8, count: 20_000) }.serialized())
    rig.send(first + second, on: stream)
    try rig.exchange()
    #expect(rig.answer(stream).status == StatusCode.resourceExhausted.rawValue)
    #expect(service.running.withLock { $0 } == 0)
    #expect(rig.core.admission.requestBytes.inUse == 0)
    #expect(rig.core.openCalls == 0)
    #expect(try rig.unary(TestService.path("Plain"), Bytes()).status == 0)
  }

  @Test func `a message counts as what it inflates to, as long as somebody works on it`() throws {
    var limits = ServerLimits()
    limits.maxRequestBufferBytesPerCaller = 1_500_000
    let rig = try rig(limits)
    let message = Bytes.with { $0.value = [UInt8](repeating: 0, count: 1_000_000) }.serialized()
    let packed = try message.withUnsafeBytes { try GzipDeflater().deflate($0) }
    #expect(packed.count < 2_000)
    func open(_ name: String) throws -> ClientStream {
      let stream = try rig.open(
        TestService.path("Hold"), fields: [("x-caller", name), ("grpc-encoding", "gzip")])
      rig.send(Rig.frame(packed, flag: 1), on: stream)
      try rig.exchange()
      return stream
    }
    let first = try open("a")
    #expect(rig.core.admission.requestBytes.inUse > 990_000)
    let second = try open("a")
    #expect(rig.answer(second).status == StatusCode.resourceExhausted.rawValue)
    let other = try open("b")
    #expect(rig.answer(other).status == nil)
    #expect(service.running.withLock { $0 } == 2)
    service.release()
    try rig.exchange()
    #expect(rig.core.admission.requestBytes.inUse == 0)
    #expect(rig.answer(first).status == nil)
    #expect(rig.core.openCalls == 2)
  }

  @Test func `a stream that was reset keeps place and bytes while its message is worked on`() throws
  {
    let rig = try rig()
    let stream = try rig.open(TestService.path("Hold"))
    let large = Bytes.with { $0.value = [UInt8](repeating: 1, count: 20_000) }
    rig.send(Rig.frame(large.serialized()), on: stream)
    try rig.exchange()
    rig.client.reset(stream, errorCode: 8)
    try rig.exchange()
    #expect(service.running.withLock { $0 } == 1)
    #expect(rig.core.admission.streams.inUse == 1)
    #expect(rig.core.admission.requestBytes.inUse > 15_000)
    service.release()
    try rig.exchange()
    #expect(rig.core.openCalls == 0)
    #expect(rig.core.admission.requestBytes.inUse == 0)
  }

  @Test func `metadata count as long as the call lasts`() throws {
    var limits = ServerLimits()
    limits.maxRequestBufferBytesPerCaller = 10_000
    let rig = try rig(limits)
    func open(_ name: String) throws -> ClientStream {
      let fields = [("x-caller", name), ("x-large", String(repeating: "x", count: 10_000))]
      let stream = try rig.open(TestService.path("Chat"), fields: fields)
      try rig.exchange()
      return stream
    }
    let first = try open("a")
    #expect(rig.core.admission.requestBytes.inUse > 5_500)
    let refused = try open("a")
    #expect(rig.answer(refused).status == StatusCode.resourceExhausted.rawValue)
    let other = try open("b")
    #expect(rig.answer(other).closedWith == nil)
    for stream in [first, other] { rig.client.reset(stream, errorCode: 8) }
    try rig.exchange()
    #expect(rig.core.admission.requestBytes.inUse == 0)
    #expect(rig.core.openCalls == 0)
  }

  @Test func `what has arrived of a request that is over is held no longer`() throws {
    let rig = try rig()
    rig.takesData = false
    let stream = try rig.open(
      TestService.path("Ignore"), fields: [("grpc-timeout", "20m"), ("x-caller", "a")])
    let part = Array(Rig.frame([UInt8](repeating: 7, count: 200_000)).dropLast())
    rig.send(part, on: stream)
    try rig.exchange()
    let end = Deadline.now.nanoseconds + 40_000_000
    while Deadline.now.nanoseconds < end {}
    rig.channel.embeddedEventLoop.advanceTime(to: .uptimeNanoseconds(UInt64(end)))
    rig.connection.session.forEachStream { #expect($0.pointee.inbound.allocated == 0) }
    service.release()
    try rig.exchange()
    #expect(rig.answer(stream).status == StatusCode.deadlineExceeded.rawValue)
    #expect(rig.core.admission.requestBytes.inUse == 0)
  }

  // MARK: Responses

  @Test func `what waits for room on a connection does not start when the connection is lost`()
    throws
  {
    var limits = ServerLimits()
    limits.maxResponseBufferBytesPerConnection = 1_000_000
    let rig = try rig(limits)
    rig.takesData = false
    let waiting = try rig.open(TestService.path("Park"))
    let large = try rig.open(TestService.path("Plain"))
    let message = Bytes.with { $0.value = [UInt8](repeating: 1, count: 2_000_000) }
    rig.send(Rig.frame(message.serialized()), on: large, end: true)
    try rig.exchange()
    rig.send(Rig.frame(Bytes().serialized()), on: waiting, end: true)
    try rig.exchange()
    #expect(service.running.withLock { $0 } == 0)
    rig.connection.close()
    rig.settle()
    #expect(service.running.withLock { $0 } == 0)
    #expect(rig.core.openCalls == 0)
    #expect(rig.core.admission.responseBytes.inUse == 0)
  }

  @Test func `a request that is complete and reset at once does not start`() throws {
    let rig = try rig()
    let path = HostileClientTests.block([
      (":method", "POST"), (":scheme", "http"), (":path", TestService.path("Park")),
      (":authority", "x"), ("content-type", "application/grpc"),
    ])
    try rig.raw(HostileClientTests.preface + HostileClientTests.frame(4, 1, 0))
    try rig.raw(HostileClientTests.frame(1, 4, 1, path))
    #expect(rig.core.openCalls == 1)
    try rig.raw(
      HostileClientTests.frame(0, 1, 1, Rig.frame([]))
        + HostileClientTests.frame(3, 0, 1, [0, 0, 0, 8]))
    #expect(service.running.withLock { $0 } == 0)
    #expect(rig.core.openCalls == 0)
  }

  @Test func `responses that nobody takes stop more from being made on their connection`() throws {
    var limits = ServerLimits()
    limits.maxResponseBufferBytesPerConnection = 3_000_000
    let rig = try rig(limits)
    rig.takesData = false
    let large = Rig.frame(
      Bytes.with { $0.value = [UInt8](repeating: 1, count: 1_000_000) }.serialized())
    var streams: [ClientStream] = []
    for _ in 0..<10 {
      let stream = try rig.open(TestService.path("Plain"))
      rig.send(large, on: stream, end: true)
      streams.append(stream)
      try rig.exchange()
    }
    #expect(rig.core.admission.responseBytes.inUse > 2_000_000)
    #expect(rig.core.admission.responseBytes.inUse < 4_500_000)
    rig.takesData = true
    for stream in streams {
      rig.client.consume(rig.answer(stream).data.count, of: stream)
    }
    try rig.exchange()
    #expect(streams.allSatisfy { rig.answer($0).status == 0 })
    #expect(rig.core.admission.responseBytes.inUse == 0)
  }
}
