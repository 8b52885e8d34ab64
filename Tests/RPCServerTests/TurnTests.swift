import HTTP2
import NIOCore
import NIOEmbedded
import ProtoWire
import RPCCore
import Synchronization
import Testing

@testable import RPCServer
@testable import Transport

/// What one client sends at once does not keep a loop from all others.
@Suite struct TurnTests {
  /// Whose messages were worked on, in order.
  final class Order: Sendable {
    let names = Mutex<[UInt8]>([])
    func note(_ request: Bytes) { names.withLock { $0.append(request.value.first ?? 0) } }
    var count: Int { names.withLock { $0.count } }
  }

  private func service(_ order: Order) -> ServiceRegistration {
    func method<Q, S>(_ name: String, _ kind: MethodKind) -> MethodDescriptor<Q, S> {
      MethodDescriptor(service: "test.Turns", name: name, kind: kind)
    }
    var registration = ServiceRegistration(service: "test.Turns")
    registration.clientStreaming(method("Work", .clientStreaming)) {
      (requests: RequestStream<Bytes>, _) in
      for try await request in requests {
        // Longer than half of what a turn may take.
        let end = Deadline.now.nanoseconds + 3_000_000
        while Deadline.now.nanoseconds < end {}
        order.note(request)
        await Task.yield()
      }
      return Number()
    }
    registration.clientStreaming(method("Read", .clientStreaming)) {
      (requests: RequestStream<Bytes>, _) in
      for try await request in requests { order.note(request) }
      return Number()
    }
    registration.bidirectionalStreaming(method("Receive", .bidirectionalStreaming)) {
      (requests: RequestStream<Bytes>, responses: ResponseStream<Bytes>, _) in
      let stream = responses.detach()
      requests.detach {
        order.note($0)
      } onEnd: {
        stream.finish($0)
      }
    }
    return registration
  }

  private static func messages(_ count: Int, from name: UInt8) -> [UInt8] {
    let message = Rig.frame(Bytes.with { $0.value = [name] }.serialized())
    return Array(repeatElement(message, count: count).joined())
  }

  /// Gives the server what the client has to send, without a look at its sockets after that.
  private func write(_ rig: Rig) throws {
    var request: [UInt8] = []
    _ = try rig.client.write(limit: .max) { request.append(contentsOf: $0) }
    try rig.channel.writeInbound(ByteBuffer(bytes: request))
    rig.channel.embeddedEventLoop.run()
  }

  @Test func `a turn that takes long is interrupted, and goes on after the sockets`() throws {
    let order = Order()
    let rig = try Rig(services: [service(order)])
    let stream = try rig.open("/test.Turns/Work")
    try rig.exchange()
    rig.send(Self.messages(40, from: 1), on: stream, end: true)
    try write(rig)
    let first = order.count
    #expect((1...8).contains(first))
    // Somebody else's call is answered meanwhile, and does not make the turn longer.
    let other = try rig.open("/test.Turns/Read")
    rig.send(Self.messages(1, from: 2), on: other, end: true)
    try write(rig)
    #expect(order.names.withLock { $0.last } == 2)
    #expect(order.count == first + 1)
    for _ in 0..<100 where order.count < 41 { try rig.exchange() }
    #expect(rig.answer(stream).status == 0)
    #expect(rig.answer(other).status == 0)
    #expect(order.count == 41)
  }

  @Test(arguments: ["Read", "Receive"])
  func `streams take turns with what has arrived at once`(method: String) throws {
    let order = Order()
    let rig = try Rig(services: [service(order)])
    let streams = try (0..<2).map { _ in try rig.open("/test.Turns/\(method)") }
    try rig.exchange()
    for (number, stream) in streams.enumerated() {
      rig.send(Self.messages(500, from: UInt8(number)), on: stream, end: true)
    }
    try rig.exchange()
    let names = order.names.withLock { $0 }
    #expect(names.count == 1000)
    let turns = zip(names, names.dropFirst()).filter { $0 != $1 }.count
    #expect(turns >= 10)
    #expect(streams.allSatisfy { rig.answer($0).status == 0 })
  }
}
