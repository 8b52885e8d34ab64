import Framing
import HTTP2
import ProtoWire
import RPCCore
import Testing

@testable import RPCServer

/// What a request must look like, and what is answered when it does not.
@Suite struct RequestRulesTests {
  let plain = TestService.path("Plain")

  private func send(
    _ frames: [UInt8], fields: [(String, String)] = [], path: String? = nil,
    limits: ServerLimits = ServerLimits(), end: Bool = true
  ) throws -> Rig.Answer {
    let rig = try Rig(limits: limits)
    let stream = try rig.open(path ?? plain, fields: fields)
    rig.send(frames, on: stream, end: end)
    try rig.exchange()
    // Other calls of the connection live.
    #expect(try rig.unary(plain, Bytes()).status == 0)
    return rig.answer(stream)
  }

  @Test(
    arguments: [
      ("application/grpc", nil, 0), ("application/grpc+proto", nil, 0),
      ("application/grpc;charset=utf-8", nil, 0), ("application/grpc+json", nil, 12),
      ("application/json", "415", nil), ("text/plain", "415", nil), (nil, "415", nil),
      ("application/grpcweb", "415", nil),
    ] as [(String?, String?, Int?)])
  func `the content type decides`(type: String?, http: String?, status: Int?) throws {
    let rig = try Rig()
    let stream = try rig.open(plain, contentType: type)
    rig.send(Rig.frame([]), on: stream, end: true)
    try rig.exchange()
    #expect(rig.answer(stream).head?[":status"] == http ?? "200")
    #expect(rig.answer(stream).status == status)
  }

  @Test(arguments: ["GET", "PUT", "DELETE", "HEAD", "OPTIONS"])
  func `a method other than POST is 405`(method: String) throws {
    let rig = try Rig()
    let stream = try rig.open(plain, method: method, endsStream: true)
    try rig.exchange()
    #expect(rig.answer(stream).head?[":status"] == "405")
    #expect(rig.answer(stream).head?["allow"] == "POST")
  }

  @Test(arguments: [("GET", "SERVING\n"), ("POST", "SERVING\n"), ("HEAD", "")])
  func `healthz answers plain HTTP`(method: String, body: String) throws {
    let rig = try Rig()
    for (status, text) in [("200", body), ("503", body.isEmpty ? "" : "NOT_SERVING\n")] {
      let stream = try rig.open("/healthz?x=1", method: method, contentType: nil)
      rig.client.end(stream)
      try rig.exchange()
      #expect(rig.answer(stream).head?[":status"] == status)
      #expect(rig.answer(stream).data == Array(text.utf8))
      #expect(rig.answer(stream).closedWith == 0)
      rig.core.health.drain()
    }
  }

  @Test(
    arguments: [
      (Rig.frame([1, 2], flag: 2), StatusCode.internalError),
      (Rig.frame([1, 2], flag: 255), .internalError),
      (Rig.frame([1, 2], flag: 1), .internalError),
      (Array(Rig.frame([1, 2, 3]).dropLast()), .internalError),
      ([0, 0, 0], .internalError),
      ([], .unimplemented),
      (Rig.frame([]) + Rig.frame([]), .unimplemented),
      (Rig.frame([0x0f]), .internalError),
      ([0, 0, 0x40, 0, 1], .resourceExhausted),
      ([0, 0xff, 0xff, 0xff, 0xff], .resourceExhausted),
    ] as [([UInt8], StatusCode)])
  func `a request that is not one message is refused`(frames: [UInt8], code: StatusCode) throws {
    #expect(try send(frames).status == code.rawValue)
  }

  @Test(arguments: [(999, 0), (1000, 0), (1001, 8)])
  func `the size limit is tested on the prefix`(count: Int, status: Int) throws {
    var limits = ServerLimits()
    limits.maxRequestBytes = 1000
    var message = Bytes()
    message.value = [UInt8](repeating: 1, count: count - 3)
    let answer = try send(Rig.frame(message.serialized()), limits: limits)
    #expect(answer.status == status)
    let early = try send(
      Array(Rig.frame([UInt8](repeating: 0, count: 1001)).prefix(5)), limits: limits, end: false)
    #expect(early.status == 8, "no byte of the message was needed")
  }

  @Test func `a compressed request is inflated and answered compressed`() throws {
    var message = Bytes()
    message.value = [UInt8](repeating: 5, count: 50_000)
    let packed = try message.serialized().withUnsafeBytes { try GzipDeflater().deflate($0) }
    let answer = try send(
      Rig.frame(packed, flag: 1),
      fields: [("grpc-encoding", "gzip"), ("grpc-accept-encoding", "identity,gzip")])
    #expect(answer.head?["grpc-encoding"] == "gzip")
    #expect(answer.data.first == 1)
    let body = try #require(answer.messages.first)
    let inflated = try body.withUnsafeBytes { try GzipInflater().inflate($0, limit: 1 << 20) }
    #expect(inflated == message.serialized())
    #expect(answer.status == 0)
  }

  @Test func `a client that does not accept gzip is answered without`() throws {
    let packed = try Bytes.with { $0.value = [1] }.serialized().withUnsafeBytes {
      try GzipDeflater().deflate($0)
    }
    let answer = try send(Rig.frame(packed, flag: 1), fields: [("grpc-encoding", "gzip")])
    #expect(answer.head?["grpc-encoding"] == nil)
    #expect(answer.data.first == 0)
    #expect(answer.status == 0)
  }

  @Test(arguments: [(100_000, 0), (100_001, 8)])
  func `the limit holds for the inflated size`(count: Int, status: Int) throws {
    var limits = ServerLimits()
    limits.maxRequestBytes = 100_000
    var message = Bytes()
    message.value = [UInt8](repeating: 0, count: count - 4)
    #expect(message.serialized().count == count)
    let packed = try message.serialized().withUnsafeBytes { try GzipDeflater().deflate($0) }
    let answer = try send(
      Rig.frame(packed, flag: 1), fields: [("grpc-encoding", "gzip")], limits: limits)
    #expect(answer.status == status)
  }

  @Test func `bytes that are not gzip are refused`() throws {
    let answer = try send(
      Rig.frame([1, 2, 3, 4], flag: 1), fields: [("grpc-encoding", "gzip")])
    #expect(answer.status == StatusCode.internalError.rawValue)
  }

  @Test func `an unknown encoding is UNIMPLEMENTED and told what is spoken`() throws {
    let answer = try send(Rig.frame([]), fields: [("grpc-encoding", "br")])
    #expect(answer.status == StatusCode.unimplemented.rawValue)
    #expect(answer.trailers?["grpc-accept-encoding"] == "identity,gzip")
  }

  @Test(arguments: ["", "1", "S", "123456789S", "1x", "-1S", "1.5S"])
  func `a malformed timeout is refused`(timeout: String) throws {
    let answer = try send(Rig.frame([]), fields: [("grpc-timeout", timeout)])
    #expect(answer.status == StatusCode.internalError.rawValue)
  }

  @Test(arguments: ["99999999H", "1H", "99999999n"])
  func `a long timeout does not disturb`(timeout: String) throws {
    #expect(try send(Rig.frame([]), fields: [("grpc-timeout", timeout)]).status == 0)
  }

  @Test(arguments: [(92, "200"), (93, "200"), (94, "431")])
  func `header fields are counted`(extra: Int, status: String) throws {
    // Six fields of every request and `extra` ones: 100 at most.
    let fields = (0..<extra).map { ("x-\($0)", "v") } + [("x-last", "v")]
    let answer = try send(Rig.frame([]), fields: fields)
    #expect(answer.head?[":status"] == status)
  }

  @Test(arguments: [(15_000, "200"), (17_000, "431")])
  func `header bytes are counted`(count: Int, status: String) throws {
    let value = String(repeating: "v", count: count)
    #expect(try send(Rig.frame([]), fields: [("x", value)]).head?[":status"] == status)
  }
}

/// Messages that do not decode, or not within the decoder's limits.
@Suite struct UndecodableTests {
  typealias Text = Google_Protobuf_StringValue

  private static let service: ServiceRegistration = {
    func method(_ name: String, _ kind: MethodKind) -> MethodDescriptor<Text, Text> {
      MethodDescriptor(service: "test.Text", name: name, kind: kind)
    }
    var registration = ServiceRegistration(service: "test.Text")
    registration.unary(method("One", .unary)) { request, _ in request }
    registration.clientStreaming(method("Many", .clientStreaming)) { requests, _ in
      for try await _ in requests {}
      return Text()
    }
    registration.bidirectionalStreaming(method("Detached", .bidirectionalStreaming)) {
      requests, responses, _ in
      let stream = responses.detach()
      requests.detach {
        try await responses.write($0)
      } onEnd: {
        stream.finish($0)
      }
    }
    return registration
  }()

  @Test(
    arguments: ["One", "Many", "Detached"],
    [
      // A string of 40 combining marks, groups 150 deep, a tag that ends inside, a string that is no UTF-8.
      ([0x0a, 80] + [UInt8](String(repeating: "\u{301}", count: 40).utf8), 3),
      ([UInt8](repeating: 0x2b, count: 150) + [UInt8](repeating: 0x2c, count: 150), 3),
      ([0xff], 13), ([0x0a, 1, 0xff], 13),
    ])
  func `a message that breaks a rule is an argument, one that is none an internal error`(
    method: String, message: (bytes: [UInt8], status: Int)
  ) throws {
    let rig = try Rig(services: [Self.service])
    let stream = try rig.open("/test.Text/\(method)")
    rig.send(Rig.frame(message.bytes), on: stream, end: true)
    try rig.exchange()
    #expect(rig.answer(stream).status == message.status)
    #expect(rig.core.openCalls == 0)
  }
}

@Suite struct InterceptorTests {
  final class Recorder: ServerInterceptor {
    let log = Log()
    let refusal: RPCError?

    init(refusal: RPCError? = nil) { self.refusal = refusal }

    func callStarted(_ context: ServerContext) throws {
      log.add("start \(context.method.name)")
      context.caller = context.requestMetadata["authorization"]
      if let refusal { throw refusal }
    }

    func callFinished(_ context: ServerContext, status: RPCStatus) {
      log.add("end \(context.method.name) \(status.code)")
    }
  }

  @Test func `each call is seen at its start and at its end`() throws {
    let recorder = Recorder()
    let rig = try Rig(interceptors: [recorder])
    _ = try rig.unary(TestService.path("Plain"), Bytes())
    _ = try rig.unary(TestService.path("Fail"), Number.with { $0.value = 5 })
    #expect(
      recorder.log.lines == ["start Plain", "end Plain OK", "start Fail", "end Fail NOT_FOUND"])
  }

  @Test func `a refusal ends the call, and interceptors behind it are not asked`() throws {
    let first = Recorder(refusal: RPCError(.unauthenticated, "no key"))
    let second = Recorder()
    let rig = try Rig(interceptors: [first, second])
    let answer = try rig.unary(TestService.path("Plain"), Bytes())
    #expect(answer.status == StatusCode.unauthenticated.rawValue)
    #expect(answer.message == "no key")
    #expect(first.log.lines == ["start Plain", "end Plain UNAUTHENTICATED"])
    #expect(second.log.lines.isEmpty)
    #expect(rig.core.openCalls == 0)
  }

  @Test func `a reset call ends as CANCELLED`() throws {
    let recorder = Recorder()
    let rig = try Rig(interceptors: [recorder])
    let stream = try rig.open(TestService.path("Chat"))
    try rig.exchange()
    rig.client.reset(stream, errorCode: 8)
    try rig.exchange()
    #expect(recorder.log.lines == ["start Chat", "end Chat CANCELLED"])
  }
}
