import ProtoWire
import RPCClient
import RPCCore
import RPCServer
import StandardProtos
import Testing

/// A program as a user of the libraries writes it, with what is public and nothing else.
@Suite(.timeLimit(.minutes(1))) struct LibraryTests {
  private static let greet = MethodDescriptor<Text, Text>(
    service: "greetings.v1.Greeter", name: "Greet", kind: .unary, idempotency: .noSideEffects)
  private static let converse = MethodDescriptor<Text, Text>(
    service: "greetings.v1.Greeter", name: "Converse", kind: .bidirectionalStreaming)

  private static var greeter: ServiceRegistration {
    var service = ServiceRegistration(service: "greetings.v1.Greeter")
    service.unary(greet) { request, context in
      try context.initialMetadata.add(context.requestMetadata["x-from"] ?? "", for: "x-to")
      try context.trailingMetadata.add("1", for: "x-cost")
      guard !request.value.isEmpty else { throw RPCError(.invalidArgument, "name: is empty") }
      return Text("hello \(request.value)")
    }
    service.bidirectionalStreaming(converse) { requests, responses, _ in
      var count = 0
      for try await request in requests {
        count += 1
        try await responses.write(Text("\(count) \(request.value)"))
      }
      // The client has said closeSend: there is something left to say.
      try await responses.write(Text("\(count) in all"))
    }
    return service
  }

  @Test(
    "certificates in memory, metadata, deadlines, keepalive, streams and errors, as a user writes them"
  )
  func program() async throws {
    let certificates = try TestCertificates()
    let chain = try certificates.text("own.pem")
    let server = try RPCServer(
      configuration: ServerConfiguration(
        tls: ServerTLS(
          certificate: .text(chain), privateKey: .text(try certificates.text("own.key")))),
      services: [Self.greeter])
    try await server.start()
    let channel = try Channel(
      target: "localhost:\(server.port)",
      configuration: .init(
        tls: ClientTLS(trust: .pem(chain)), keepalive: KeepalivePolicy(interval: .seconds(30)),
        credentials: try .bearer("secret"), unaryTimeout: .seconds(30)))

    let answer = try await channel.response(
      Self.greet, Text("you"), options: CallOptions(metadata: ["x-from": "me"]))
    #expect(answer.message == Text("hello you"))
    #expect(answer.metadata["x-to"] == "me")
    #expect(answer.trailers["x-cost"] == "1")

    do {
      _ = try await channel.unary(
        Self.greet, Text(""), options: CallOptions(metadata: ["x-from": "me"]))
      Issue.record("an empty name was greeted")
    } catch let error as RPCError {
      #expect(error.code == .invalidArgument)
      #expect(error.initialMetadata["x-to"] == "me")
      #expect(error.metadata["x-cost"] == "1")
    }

    let talk = channel.bidirectionalStreaming(Self.converse, options: CallOptions())
    for word in ["one", "two"] { try await talk.send(Text(word)) }
    try await talk.closeSend()
    var heard: [String] = []
    for try await line in talk { heard.append(line.value) }
    #expect(heard == ["1 one", "2 two", "2 in all"])

    let health = Grpc_Health_V1_HealthClient(channel)
    #expect(try await health.check(Grpc_Health_V1_HealthCheckRequest()).status == .serving)

    await channel.close()
    try await server.shutdown(grace: .seconds(5))
  }
}
