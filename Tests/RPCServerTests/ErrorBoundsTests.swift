import ProtoWire
import RPCCore
import Testing

@testable import RPCServer

/// Errors and metadata that are too large for what clients accept.
@Suite struct ErrorBoundsTests {
  private static let method = MethodDescriptor<
    Google_Protobuf_BytesValue, Google_Protobuf_BytesValue
  >(
    service: "test.Large", name: "Fail", kind: .unary)

  /// What a client hears when a handler does `body`.
  private func answer(
    domain: String? = nil, _ body: @escaping @Sendable (ServerContext) throws -> Void
  ) throws -> Rig.Answer {
    var registration = ServiceRegistration(service: "test.Large")
    registration.unary(Self.method) { request, context in
      try body(context)
      return request
    }
    let rig = try Rig(services: [registration], errorDomain: domain)
    return try rig.unary("/test.Large/Fail", Google_Protobuf_BytesValue())
  }

  @Test(arguments: [10, 1024, 1025, 5_000, 200_000])
  func `a long message is cut, in the details too`(count: Int) throws {
    let text = String(repeating: "é", count: count / 2) + (count % 2 == 0 ? "" : "x")
    let answer = try answer { _ in
      throw RPCError(
        .notFound, text,
        details: [Google_Protobuf_Any(packing: Google_Rpc_ErrorInfo.with { $0.reason = "R" })])
    }
    #expect(answer.status == StatusCode.notFound.rawValue)
    #expect(Self.size(try #require(answer.trailers)) < 8 * 1024)
    let status = try Google_Rpc_Status(
      wire: try #require(answer.trailers?[binary: "grpc-status-details-bin"]))
    #expect(status.message == (count <= 1024 ? text : text.prefix(512) + "…"))
    #expect(status.details.count == 1)
  }

  /// Bytes of a header list as clients count them.
  private static func size(_ metadata: Metadata) -> Int {
    var size = 0
    metadata.forEachEntry { size += $0.count + $1.count + 32 }
    return size
  }

  @Test(arguments: ["x", "é", "\u{1}", "🙂"], [0, 1_000, 1_500, 1_990, 5_000])
  func `message and details together fit what clients take`(letter: String, count: Int) throws {
    let answer = try answer { _ in
      let info = Google_Rpc_ErrorInfo.with {
        $0.reason = "R"
        $0.metadata = ["x": String(repeating: "y", count: count)]
      }
      let details =
        [Google_Protobuf_Any(packing: info)]
        + (0..<20).map { _ in
          let text = String(repeating: "z", count: 200)
          return Google_Protobuf_Any(
            packing: Google_Rpc_ResourceInfo.with { $0.description = text })
        }
      throw RPCError(.notFound, String(repeating: letter, count: 2_000), details: details)
    }
    let trailers = try #require(answer.trailers)
    #expect(Self.size(trailers) < 8 * 1024)
    let status = try Google_Rpc_Status(
      wire: try #require(trailers[binary: "grpc-status-details-bin"]))
    let info = try #require(try status.details.first?.unpacked(as: Google_Rpc_ErrorInfo.self))
    #expect(info.reason == "R")
    #expect(info.metadata.isEmpty == (count > 2_000))
  }

  @Test func `details that do not fit are left out from the end`() throws {
    let answer = try answer { _ in
      let info = Google_Rpc_ErrorInfo.with { $0.reason = "R" }
      let large = Google_Rpc_ResourceInfo.with {
        $0.description = String(repeating: "x", count: 4_000)
      }
      throw RPCError(
        .notFound, "no",
        details: [Google_Protobuf_Any(packing: info), Google_Protobuf_Any(packing: large)])
    }
    let status = try Google_Rpc_Status(
      wire: try #require(answer.trailers?[binary: "grpc-status-details-bin"]))
    #expect(status.details.count == 1)
    #expect(try status.details[0].unpacked(as: Google_Rpc_ErrorInfo.self)?.reason == "R")
  }

  @Test func `an error without an ErrorInfo gets the domain's, one with it keeps its own`() throws {
    let plain = try answer(domain: "example") { _ in throw RPCError(.aborted, "no") }
    let status = try Google_Rpc_Status(
      wire: try #require(plain.trailers?[binary: "grpc-status-details-bin"]))
    let info = try #require(try status.details.first?.unpacked(as: Google_Rpc_ErrorInfo.self))
    #expect(info.reason == "ABORTED" && info.domain == "example")
    let own = try answer(domain: "example") { _ in
      throw RPCError(
        .aborted, "no",
        details: [Google_Protobuf_Any(packing: Google_Rpc_ErrorInfo.with { $0.reason = "R" })])
    }
    let kept = try Google_Rpc_Status(
      wire: try #require(own.trailers?[binary: "grpc-status-details-bin"]))
    #expect(kept.details.count == 1)
    #expect(
      try answer(domain: nil) { _ in throw RPCError(.aborted, "no") }
        .trailers?[binary: "grpc-status-details-bin"] == nil)
  }

  @Test(arguments: [false, true])
  func `metadata that fits no frame resets the stream instead of leaving it open`(trailing: Bool)
    throws
  {
    let answer = try answer { context in
      let value = String(repeating: "x", count: 100_000)
      if trailing {
        try context.trailingMetadata.add(value, for: "x-large")
      } else {
        try context.initialMetadata.add(value, for: "x-large")
      }
    }
    #expect(answer.closedWith == 2)
  }
}
