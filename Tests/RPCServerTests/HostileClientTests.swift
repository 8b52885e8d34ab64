import HTTP2
import NIOCore
import NIOEmbedded
import RPCCore
import Testing

@testable import RPCServer
@testable import Transport

/// Clients that do not follow the rules, byte by byte.
@Suite struct HostileClientTests {
  static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + frame(4, 0, 0)

  /// One HTTP/2 frame.
  static func frame(_ type: UInt8, _ flags: UInt8, _ stream: UInt32, _ payload: [UInt8] = [])
    -> [UInt8]
  {
    let count = payload.count
    let head = [UInt8(count >> 16 & 255), UInt8(count >> 8 & 255), UInt8(count & 255), type, flags]
    return head + (0..<4).map { UInt8(truncatingIfNeeded: stream >> (24 - 8 * $0)) } + payload
  }

  /// A header block without tables and Huffman: every field literal, never indexed.
  static func block(_ fields: [(String, String)]) -> [UInt8] {
    var bytes: [UInt8] = []
    for (name, value) in fields {
      bytes += [0x10, UInt8(name.utf8.count)]
      bytes += Array(name.utf8)
      bytes.append(UInt8(value.utf8.count))
      bytes += Array(value.utf8)
    }
    return bytes
  }

  static let request = block([
    (":method", "POST"), (":scheme", "http"), (":path", "/test.Service/Plain"),
    (":authority", "x"), ("content-type", "application/grpc"),
  ])

  /// The error code of the GOAWAY in `bytes`.
  static func goAway(in bytes: [UInt8]) -> UInt32? {
    firstFrame(of: 7, in: bytes).map { $0[4..<8].reduce(0) { $0 << 8 | UInt32($1) } }
  }

  /// The payload of the first frame of a type in `bytes`.
  static func firstFrame(of type: UInt8, in bytes: [UInt8]) -> [UInt8]? {
    var rest = bytes[...]
    while rest.count >= 9 {
      let head = Array(rest.prefix(9))
      let count = Int(head[0]) << 16 | Int(head[1]) << 8 | Int(head[2])
      if head[3] == type { return Array(rest.dropFirst(9).prefix(count)) }
      rest = rest.dropFirst(9 + count)
    }
    return nil
  }

  /// Sends `bytes` behind a preface, again and again, until the server hangs up.
  private func attack(
    _ limits: ServerLimits = ServerLimits(), rounds: Int, _ bytes: (Int) -> [UInt8]
  ) throws -> (code: UInt32?, rounds: Int) {
    let rig = try Rig(limits: limits)
    var output = try rig.raw(Self.preface + Self.frame(4, 1, 0))
    for round in 0..<rounds {
      guard rig.channel.isActive else { return (Self.goAway(in: output), round) }
      output = try rig.raw(bytes(round))
    }
    return (rig.channel.isActive ? nil : Self.goAway(in: output), rounds)
  }

  @Test(arguments: [
    "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\u{0}\u{1}",
    "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n", "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
  ])
  func `bytes that are not HTTP/2 end the connection`(text: String) throws {
    let rig = try Rig()
    try rig.raw(Array(text.utf8))
    #expect(!rig.channel.isActive)
  }

  @Test(arguments: ["GET / HTTP/1.1\r\nHost: x\r\n\r\n", "POST /rollcall.v1 HTTP/1.1\r\n"])
  func `HTTP/1 is answered in HTTP/1`(request: String) throws {
    let answer = try Rig().raw(Array(request.utf8))
    let text = String(decoding: answer, as: UTF8.self)
    #expect(text.hasPrefix("HTTP/1.1 505 HTTP Version Not Supported\r\n"))
    #expect(text.contains("--http2-prior-knowledge"))
  }

  @Test(arguments: [
    "INVALID CONNECTION PREFACE\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n", "get / HTTP/1.1\r\n",
    "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
  ])
  func `a malformed preface is answered in HTTP/2`(text: String) throws {
    let answer = try Rig().raw(Array(text.utf8))
    #expect(Self.firstFrame(of: 4, in: answer) != nil, "SETTINGS come first")
    #expect(Self.goAway(in: answer) == 1)
  }

  @Test func `a closed stream is remembered`() throws {
    let closed = Self.frame(1, 5, 1, Self.request)
    for (late, code) in [
      (Self.frame(0, 0, 1, [1]), UInt32(5)), (Self.frame(1, 4, 1, Self.request), 5),
    ] {
      let rig = try Rig()
      try rig.raw(Self.preface + Self.frame(4, 1, 0))
      try rig.raw(closed)
      let output = try rig.raw(late)
      #expect(Self.goAway(in: output) == code)
    }
  }

  @Test(arguments: [
    frame(2, 0, 1, [0, 0, 0, 1, 16]), frame(1, 0x24, 1, [0, 0, 0, 1, 16] + request),
  ])
  func `a stream that depends on itself is an error`(bytes: [UInt8]) throws {
    let rig = try Rig()
    try rig.raw(Self.preface + Self.frame(4, 1, 0))
    let output = try rig.raw(bytes)
    #expect(Self.firstFrame(of: 3, in: output) == [0, 0, 0, 1] || Self.goAway(in: output) == 1)
  }

  @Test func `many calls that the client gives up together are no flood, if they lived a while`()
    throws
  {
    let service = TestService()
    let rig = try Rig(services: [service.registration], limits: { $0.maxConcurrentStreams = 500 })
    try rig.raw(Self.preface + Self.frame(4, 1, 0))
    let ids = stride(from: UInt32(1), to: 601, by: 2)
    try rig.raw(ids.flatMap { Self.frame(1, 4, $0, Self.request) })
    let end = Deadline.now.nanoseconds + 110_000_000
    while Deadline.now.nanoseconds < end {}
    try rig.raw(ids.flatMap { Self.frame(3, 0, $0, [0, 0, 0, 8]) })
    #expect(rig.channel.isActive)
    #expect(rig.core.openCalls == 0)
  }

  @Test(arguments: [true, false])
  func `calls that expire together are no flood, those that are given up before are`(
    expire: Bool
  ) throws {
    let rig = try Rig(services: [TestService().registration])
    try rig.raw(Self.preface + Self.frame(4, 1, 0))
    let call = Self.block([
      (":method", "POST"), (":scheme", "http"), (":path", "/test.Service/Plain"),
      (":authority", "x"), ("content-type", "application/grpc"),
      ("grpc-timeout", expire ? "20m" : "9S"),
    ])
    var output: [UInt8] = []
    for round in 0..<4 where rig.channel.isActive {
      let first = UInt32(round * 200 + 1)
      let ids = stride(from: first, to: first + 180, by: 2)
      try rig.raw(ids.flatMap { Self.frame(1, 4, $0, call) })
      let end = Deadline.now.nanoseconds + (expire ? 20_000_000 : 0)
      while Deadline.now.nanoseconds < end {}
      output = try rig.raw(ids.flatMap { Self.frame(3, 0, $0, [0, 0, 0, 8]) })
    }
    #expect(rig.channel.isActive == expire)
    #expect(Self.goAway(in: output) == (expire ? nil : 11))
    #expect(rig.core.openCalls == 0)
  }

  @Test func `a TLS handshake on a plain port gets an alert`() throws {
    let answer = try Rig().raw([22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3])
    #expect(answer == [21, 3, 3, 0, 2, 2, 40])
  }

  static let ping = frame(6, 0, 0, [UInt8](repeating: 0, count: 8))

  @Test func `a PING flood is calmed, in words that clients know`() throws {
    let rig = try Rig()
    try rig.raw(Self.preface + Self.frame(4, 1, 0))
    try rig.raw(Array(repeatElement(Self.ping, count: 100).joined()))
    #expect(rig.channel.isActive)
    let output = try rig.raw(Self.ping)
    #expect(!rig.channel.isActive)
    let payload = try #require(Self.firstFrame(of: 7, in: output))
    #expect(Self.goAway(in: output) == 11)
    #expect(payload.dropFirst(8).elementsEqual("too_many_pings".utf8))
  }

  @Test func `PINGs between responses are not counted together`() throws {
    let rig = try Rig()
    try rig.raw(Self.preface + Self.frame(4, 1, 0))
    for round in 0..<20 {
      let id = UInt32(round) * 2 + 1
      try rig.raw(
        Self.frame(1, 4, id, Self.request) + Self.frame(0, 1, id, [0, 0, 0, 0, 0])
          + Array(repeatElement(Self.ping, count: 60).joined()))
      #expect(rig.channel.isActive)
    }
  }

  @Test(arguments: [
    // A padded DATA frame without data, and one byte against two frames without use.
    frame(0, 8, 1, [0]) + frame(8, 0, 0, [0, 0, 0, 1]),
    frame(0, 0, 1, [0]) + frame(8, 0, 0, [0, 0, 0, 1]) + frame(8, 0, 1, [0, 0, 0, 1]),
  ])
  func `DATA earns only what it carries`(round: [UInt8]) throws {
    let service = TestService()
    let rig = try Rig(services: [service.registration])
    var output = try rig.raw(Self.preface + Self.frame(4, 1, 0) + Self.frame(1, 4, 1, Self.request))
    for _ in 0..<3_000 where rig.channel.isActive {
      output = try rig.raw(round)
    }
    #expect(Self.goAway(in: output) == 11)
  }

  @Test(
    arguments: [
      (4, []), (8, [0, 0, 0, 1]), (2, [0, 0, 0, 3, 1]), (0x77, [1]), (0x10, [0, 0, 0, 1, 0x75]),
    ] as [(UInt8, [UInt8])])
  func `floods of frames without use are calmed`(type: UInt8, payload: [UInt8]) throws {
    let (code, rounds) = try attack(rounds: 200) { _ in
      let stream: UInt32 = type == 2 ? 1 : 0
      return Array(repeatElement(Self.frame(type, 0, stream, payload), count: 50).joined())
    }
    #expect(code == 11)
    #expect(rounds > 30 && rounds < 60)
  }

  @Test func `frames of unknown kinds are ignored, whatever they carry`() throws {
    let service = TestService()
    let rig = try Rig(services: [service.registration])
    try rig.raw(Self.preface + Self.frame(4, 1, 0))
    for kind in UInt8(10)...UInt8.max {
      try rig.raw(Self.frame(kind, kind, UInt32(kind % 3), [UInt8](repeating: kind, count: 300)))
    }
    #expect(rig.channel.isActive)
    let answer = try rig.raw(
      Self.frame(1, 4, 1, Self.request) + Self.frame(0, 1, 1, [0, 0, 0, 0, 0]))
    #expect(Self.firstFrame(of: 1, in: answer) != nil, "response headers")
  }

  @Test func `empty DATA frames are calmed`() throws {
    let (code, _) = try attack(rounds: 200) { round in
      let open = round == 0 ? Self.frame(1, 4, 1, Self.request) : []
      return open + Array(repeatElement(Self.frame(0, 0, 1), count: 50).joined())
    }
    #expect(code == 11)
  }

  /// Frames that make the server reset a stream which the client has opened properly (CVE-2025-8671).
  enum Provocation: CaseIterable {
    case windowOverflow, dataBeyondContentLength, malformedTrailers

    func frames(_ id: UInt32) -> [UInt8] {
      typealias Client = HostileClientTests
      let open = Client.frame(1, 4, id, Client.request)
      return switch self {
      case .windowOverflow: open + Client.frame(8, 0, id, [0x7f, 0xff, 0xff, 0xff])
      case .dataBeyondContentLength:
        Client.frame(1, 4, id, Client.request + Client.block([("content-length", "1")]))
          + Client.frame(0, 0, id, [1, 2])
      case .malformedTrailers: open + Client.frame(1, 5, id, Client.block([("X", "upper")]))
      }
    }
  }

  @Test(arguments: Provocation.allCases)
  func `resets that the client provokes are calmed`(provocation: Provocation) throws {
    let (code, rounds) = try attack(rounds: 500) { round in
      provocation.frames(UInt32(round) * 2 + 1)
    }
    #expect(code == 11)
    #expect(rounds > 30 && rounds < 120, "a burst of 100 faults")
  }

  @Test func `a client's GOAWAY does not end the count of faults`() throws {
    let (code, rounds) = try attack(rounds: 500) { round in
      // The first stream stays, so that the connection does.
      guard round > 0 else {
        return Self.frame(1, 4, 1, Self.request)
          + Self.frame(7, 0, 0, [UInt8](repeating: 0, count: 8))
      }
      return Provocation.windowOverflow.frames(UInt32(round) * 2 + 1)
    }
    #expect(code == 11)
    #expect(rounds > 30 && rounds < 120)
  }

  @Test func `rapid reset is calmed, and leaves no handler`() throws {
    let service = TestService()
    let rig = try Rig(services: [service.registration])
    var output = try rig.raw(Self.preface + Self.frame(4, 1, 0))
    var id: UInt32 = 1
    while rig.channel.isActive, id < 2000 {
      output = try rig.raw(
        Self.frame(1, 5, id, Self.request) + Self.frame(3, 0, id, [0, 0, 0, 8]))
      id += 2
    }
    #expect(Self.goAway(in: output) != nil)
    #expect(id / 2 <= 110)
    #expect(rig.core.openCalls == 0)
  }

  @Test func `a CONTINUATION flood ends the connection`() throws {
    let (_, rounds) = try attack(rounds: 50) { round in
      round == 0
        ? Self.frame(1, 0, 1, Self.request) : Self.frame(9, 0, 1, Self.block([("x", "y")]))
    }
    #expect(rounds < 12)
  }

  @Test(arguments: [
    frame(1, 4, 2, request), frame(0, 0, 1, [1]), frame(1, 4, 0, request),
    frame(6, 0, 0, [1, 2, 3]), frame(4, 0, 1), frame(5, 4, 1, [0, 0, 0, 2]),
    frame(1, 4, 1, [0xff, 0xff, 0xff, 0xff, 0xff, 0xff]), frame(8, 0, 0, [0, 0, 0, 0]),
    [0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 1],
    frame(1, 5, 1, request) + frame(0, 0, 1, [1]),
    frame(1, 4, 1, request) + frame(8, 0, 1, [0, 0, 0, 0]),
  ])
  func `a frame against the protocol ends the connection, not the process`(bytes: [UInt8]) throws {
    let rig = try Rig()
    try rig.raw(Self.preface + Self.frame(4, 1, 0))
    let output = try rig.raw(bytes + [UInt8](repeating: 0, count: 64))
    #expect(!rig.channel.isActive)
    #expect(Self.goAway(in: output) != nil)
  }

  @Test func `random bytes behind a preface never trap`() throws {
    var state: UInt64 = 42
    func next() -> UInt8 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return UInt8(truncatingIfNeeded: state >> 33)
    }
    for _ in 0..<300 {
      let rig = try Rig()
      try rig.raw(Self.preface)
      var stream: UInt32 = 1
      for _ in 0..<20 where rig.channel.isActive {
        let payload = (0..<Int(next() % 40)).map { _ in next() }
        let valid = next() % 3 == 0
        try rig.raw(
          valid
            ? Self.frame(1, 4, stream, Self.request)
            : Self.frame(next() % 11, next(), UInt32(next() % 6), payload))
        if valid { stream += 2 }
      }
      _ = try? rig.channel.close().wait()
      rig.settle()
      #expect(rig.connection.session.openStreams == 0)
    }
  }

  @Test func `streams beyond the limit are refused, those within are served`() throws {
    var limits = ServerLimits()
    limits.maxConcurrentStreams = 3
    let service = TestService()
    let rig = try Rig(services: [service.registration], limits: limits)
    var streams: [ClientStream] = []
    for _ in 0..<4 {
      streams.append(try rig.open(TestService.path("Chat")))
    }
    try rig.exchange()
    #expect(streams.filter { rig.answer($0).closedWith != nil }.count <= 1)
    #expect(rig.core.openCalls <= 3)
  }
}
