import RPCCore
import Testing

@testable import HTTP2

/// The client's session against the server's, without sockets.
@Suite struct ClientSessionTests {
  /// Both ends of a connection and the bytes between them.
  private final class Pair {
    let client: ClientSession
    let server: Session
    var heads: [ServerStream.Reference] = []

    init(
      streams: Int = 100, headerBytes: Int = 16 * 1024,
      client configuration: ClientSession.Configuration = .init()
    ) throws {
      client = try ClientSession(configuration: configuration)
      var limits = SessionConfiguration()
      limits.maxConcurrentStreams = streams
      limits.maxHeaderListBytes = headerBytes
      server = try Session(try Session.SharedCallbacks(limits))
    }

    /// Moves bytes until neither side has any; returns what the client recorded.
    func run() throws -> [ClientSessionEvent] {
      var events: [ClientSessionEvent] = []
      var moved = true
      while moved {
        moved = false
        var bytes: [UInt8] = []
        _ = try client.write(limit: .max) { bytes.append(contentsOf: $0) }
        events += client.takeEvents()
        if !bytes.isEmpty {
          moved = true
          try bytes.withUnsafeBytes { try server.receive($0, now: 0) }
        }
        while let event = server.nextEvent() {
          switch event {
          case .headers(let stream): heads.append(stream)
          case .closed(let stream, _):
            heads.removeAll { $0 == stream }
            server.release(stream)
          default: break
          }
        }
        while let output = server.nextOutput() {
          moved = true
          try client.receive(output)
        }
        events += client.takeEvents()
      }
      return events
    }

    /// - Parameter filled: the size of the header list, which another field makes up.
    func open(endsStream: Bool = true, filled: Int? = nil) throws -> ClientStream {
      var headers = RequestHeaders()
      headers.append(":method", "POST")
      headers.append(":scheme", "http")
      headers.append(":path", "/a/B")
      headers.append(":authority", "test")
      if let filled {
        let rest = filled - headers.listSize - 32 - "x".utf8.count
        headers.append("x", [UInt8](repeating: UInt8(ascii: "~"), count: rest))
      }
      return try client.open(headers, endsStream: endsStream, owner: nil)
    }
  }

  private static func isSettings(_ event: ClientSessionEvent, _ streams: Int) -> Bool {
    if case .settings(streams) = event { true } else { false }
  }

  @Test("the server's SETTINGS tell how many streams it takes")
  func settings() throws {
    let pair = try Pair(streams: 7)
    #expect(try pair.run().contains { Self.isSettings($0, 7) })
  }

  @Test("a request is not sent before it is written, and then reaches the server")
  func open() throws {
    let pair = try Pair()
    let stream = try pair.open()
    #expect(!stream.isSent)
    _ = try pair.run()
    #expect(stream.isSent)
    #expect(pair.heads.count == 1)
    #expect(pair.client.openStreams == 1)
  }

  @Test(
    "headers may be as large as the server says, and as what can be sent",
    arguments: [(20_000, 20_000), (1 << 20, 64 * 1024)])
  func headerLimit(announced: Int, limit: Int) throws {
    let pair = try Pair(headerBytes: announced)
    #expect(pair.client.requestHeaderLimit == 64 * 1024)
    _ = try pair.run()
    #expect(pair.client.requestHeaderLimit == limit)
    let stream = try pair.open(filled: limit)
    _ = try pair.run()
    #expect(stream.isSent)
    #expect(pair.heads.count == 1)
  }

  @Test("DATA waits for the server's window, and says when there is room")
  func window() throws {
    let pair = try Pair()
    let stream = try pair.open(endsStream: false)
    let bytes = [UInt8](repeating: 1, count: 1 << 20)
    bytes.withUnsafeBytes { pair.client.send($0, on: stream) }
    pair.client.notifyWhenDrained(stream)
    let first = try pair.run()
    // The server's window for a stream is 256 KiB.
    #expect(stream.outboundBytes == (1 << 20) - 256 * 1024)
    #expect(!first.contains { if case .drained = $0 { true } else { false } })
    var drained = false
    for _ in 0..<4 where !drained {
      pair.server.consume(256 * 1024, of: pair.heads[0])
      drained = try pair.run().contains { if case .drained = $0 { true } else { false } }
    }
    #expect(drained)
    #expect(stream.outboundBytes == 0)
    #expect(!stream.hasEnded)
    pair.client.end(stream)
    _ = try pair.run()
    #expect(stream.hasEnded)
  }

  @Test("a reset that the server sends closes the stream with its code", arguments: [true, false])
  func reset(refused: Bool) throws {
    let pair = try Pair()
    let stream = try pair.open(endsStream: false)
    _ = try pair.run()
    pair.server.reset(pair.heads[0], refused ? .refusedStream : .cancel)
    let events = try pair.run()
    #expect(
      events.contains {
        if case .closed(let closed, let code, refused) = $0 {
          closed === stream && code == (refused ? 7 : 8)
        } else {
          false
        }
      })
    #expect(stream.isClosed)
    #expect(pair.client.openStreams == 0)
  }

  @Test("a stream that is reset before it was sent never reaches the server")
  func unsent() throws {
    let pair = try Pair()
    _ = try pair.run()
    let stream = try pair.open(endsStream: false)
    pair.client.reset(stream, errorCode: 8)
    _ = try pair.run()
    #expect(stream.isClosed)
    #expect(!stream.isSent)
    #expect(pair.heads.isEmpty)
  }

  @Test("after GOAWAY no stream is opened, and those that were not seen are refused")
  func goAway() throws {
    let pair = try Pair()
    _ = try pair.open(endsStream: false)
    _ = try pair.run()
    pair.server.goAway()
    let late = try pair.open(endsStream: false)
    let events = try pair.run()
    #expect(events.contains { if case .goAway(0, _) = $0 { true } else { false } })
    #expect(
      events.contains {
        if case .closed(let stream, _, true) = $0 { stream === late } else { false }
      })
    #expect(throws: ClientSession.Failure.noMoreStreams) { try pair.open() }
    #expect(!pair.client.isFinished)
    pair.server.reset(pair.heads[0], .cancel)
    _ = try pair.run()
    #expect(pair.client.isFinished)
  }

  @Test("a PING is answered")
  func ping() throws {
    let pair = try Pair()
    _ = try pair.run()
    pair.client.ping()
    #expect(try pair.run().contains { if case .pingAnswered = $0 { true } else { false } })
  }

  @Test("a lost connection is told to every stream")
  func lost() throws {
    let pair = try Pair()
    let streams = try (0..<3).map { _ in try pair.open(endsStream: false) }
    _ = try pair.run()
    pair.client.abandon()
    let lost = pair.client.takeEvents().compactMap { event in
      if case .lost(let stream) = event { stream } else { nil }
    }
    #expect(lost.map(\.id) == streams.map(\.id))
    #expect(pair.client.openStreams == 0)
  }

  @Test("bytes that are not HTTP/2 are a failure")
  func garbage() throws {
    let client = try ClientSession()
    let bytes = Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8)
    #expect(throws: ClientSession.Failure.self) {
      try bytes.withUnsafeBytes { try client.receive($0) }
      _ = try client.write(limit: .max) { _ in }
      guard !client.isFinished else { throw ClientSession.Failure.noMoreStreams }
    }
  }
}
