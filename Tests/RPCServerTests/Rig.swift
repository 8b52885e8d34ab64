import HTTP2
import Logging
import NIOCore
import NIOEmbedded
import ProtoWire
import RPCCore
import StandardProtos
import Testing

@testable import RPCServer
@testable import Transport

typealias Bytes = Google_Protobuf_BytesValue
typealias Number = Google_Protobuf_Int64Value

/// A server's connection in memory, and raw bytes or a client's session on the other side. One thread, no sockets.
final class Rig {
  let channel = EmbeddedChannel()
  let loop: LoopExecutor
  let core: ServerCore
  let connection: ServerConnection
  let client: ClientSession
  /// What the server has sent and the client's session has not been given.
  private(set) var sent: [UInt8] = []
  private(set) var events: [ClientSessionEvent] = []
  private(set) var blocks: [Int32: [Metadata]] = [:]
  private(set) var data: [Int32: [UInt8]] = [:]
  private(set) var closed: [Int32: UInt32] = [:]
  private(set) var goAway: UInt32?
  private(set) var settingsSeen = false
  /// Whether DATA is taken, so that windows open again.
  var takesData = true

  init(
    services: [ServiceRegistration] = [TestService().registration],
    interceptors: [any ServerInterceptor] = [], limits: ServerLimits = ServerLimits(),
    methodLimits: (AnyMethodDescriptor) -> MethodLimits = MethodLimits.standard,
    errorDomain: String? = nil, client configuration: ClientSession.Configuration = .init()
  ) throws {
    loop = LoopExecutor(channel.eventLoop)
    let health = HealthService(services: services.map(\.service))
    core = try ServerCore(
      methods: (services + [health.registration]).flatMap(\.methods), methodLimits: methodLimits,
      interceptors: interceptors, limits: limits, errorDomain: errorDomain,
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, health: health)
    let core = core
    connection = ServerConnection(
      session: try Session(try Session.SharedCallbacks(limits.session)), loop: loop,
      limits: limits.connection, owner: { _ in ConnectionCalls(core) })
    client = try ClientSession(configuration: configuration)
    try channel.pipeline.syncOperations.addHandler(connection)
    try channel.connect(to: .init(ipAddress: "127.0.0.1", port: 50_000)).wait()
  }

  /// A rig with some of the limits changed.
  convenience init(
    services: [ServiceRegistration] = [TestService().registration],
    limits change: (inout ServerLimits) -> Void
  ) throws {
    var limits = ServerLimits()
    change(&limits)
    try self.init(services: services, limits: limits)
  }

  // MARK: Bytes

  /// Gives the server raw bytes, and returns what it has to say.
  @discardableResult
  func raw(_ bytes: [UInt8]) throws -> [UInt8] {
    try channel.writeInbound(ByteBuffer(bytes: bytes))
    settle()
    defer { sent = [] }
    return sent
  }

  /// Runs what is ready and collects output.
  func settle() {
    // A turn that has taken its time goes on a little later.
    for _ in 0..<10 { channel.embeddedEventLoop.advanceTime(by: .microseconds(50)) }
    while let buffer = try? channel.readOutbound(as: ByteBuffer.self) {
      sent.append(contentsOf: buffer.readableBytesView)
    }
  }

  // MARK: A well-behaved client

  /// Lets both sides speak until neither has anything to say.
  func exchange() throws {
    for _ in 0..<1000 {
      var request: [UInt8] = []
      _ = try client.write(limit: .max) { request.append(contentsOf: $0) }
      if !request.isEmpty, channel.isActive {
        try channel.writeInbound(ByteBuffer(bytes: request))
      }
      settle()
      let response = sent
      sent = []
      try response.withUnsafeBytes { try client.receive($0) }
      take(client.takeEvents())
      if request.isEmpty, response.isEmpty { return }
    }
    Issue.record("the two sides never fell silent")
  }

  private func take(_ events: [ClientSessionEvent]) {
    for event in events {
      switch event {
      case .headers(let stream, let block, _): blocks[stream.id, default: []].append(block)
      case .data(let stream, let count):
        client.takeData(of: stream, count: count) {
          data[stream.id, default: []].append(contentsOf: $0)
        }
        if takesData { client.consume(count, of: stream) }
      case .closed(let stream, let code, _): closed[stream.id] = code
      case .goAway(let code, _): goAway = code
      case .settings: settingsSeen = true
      default: break
      }
    }
  }

  /// Opens a call. `fields` are added to those of a gRPC request, or replace them.
  func open(
    _ path: String, fields: [(String, String)] = [], method: String = "POST",
    contentType: String? = "application/grpc", endsStream: Bool = false
  ) throws -> ClientStream {
    var headers = RequestHeaders()
    headers.append(Array(":method".utf8), Array(method.utf8))
    headers.append(Array(":scheme".utf8), Array("http".utf8))
    headers.append(Array(":path".utf8), Array(path.utf8))
    headers.append(Array(":authority".utf8), Array("test".utf8))
    if let contentType {
      headers.append(Array("content-type".utf8), Array(contentType.utf8))
      headers.append(Array("te".utf8), Array("trailers".utf8))
    }
    for (name, value) in fields { headers.append(Array(name.utf8), Array(value.utf8)) }
    return try client.open(headers, endsStream: endsStream, owner: nil)
  }

  /// One unary call from beginning to end.
  func unary(
    _ path: String, _ message: some Message, fields: [(String, String)] = []
  ) throws -> Answer {
    let stream = try open(path, fields: fields)
    send(Rig.frame(message.serialized()), on: stream, end: true)
    try exchange()
    return answer(stream)
  }

  func send(_ bytes: [UInt8], on stream: ClientStream, end: Bool = false) {
    bytes.withUnsafeBytes { client.send($0, on: stream) }
    if end { client.end(stream) }
  }

  /// A message with its prefix.
  static func frame(_ message: [UInt8], flag: UInt8 = 0) -> [UInt8] {
    let count = UInt32(message.count)
    return [flag] + (0..<4).map { UInt8(truncatingIfNeeded: count >> (24 - 8 * $0)) } + message
  }

  // MARK: Answers

  /// What came back on a stream so far.
  struct Answer {
    var head: Metadata?
    var trailers: Metadata?
    var data: [UInt8]
    var closedWith: UInt32?

    var status: Int? { (trailers?["grpc-status"]).flatMap { Int($0) } }
    var message: String? { trailers?["grpc-message"] }
    /// Messages without their prefixes.
    var messages: [[UInt8]] {
      var rest = data[...]
      var messages: [[UInt8]] = []
      while rest.count >= 5 {
        let prefix = Array(rest.prefix(5))
        let count = prefix[1...].reduce(0) { $0 << 8 | Int($1) }
        messages.append(Array(rest.dropFirst(5).prefix(count)))
        rest = rest.dropFirst(5 + count)
      }
      return messages
    }
  }

  func answer(_ stream: ClientStream) -> Answer {
    let blocks = blocks[stream.id] ?? []
    return Answer(
      head: blocks.first, trailers: blocks.last, data: data[stream.id] ?? [],
      closedWith: closed[stream.id])
  }
}
