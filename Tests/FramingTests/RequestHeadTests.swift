import Framing
import Testing

@Suite struct RequestHeadTests {
  private func head(_ fields: [(String, String)]) -> (RequestHead, [RequestHead.Field]) {
    var head = RequestHead()
    let kinds = fields.map { name, value in
      name.withBytes { name in value.withBytes { head.note(name: name, value: $0) } }
    }
    return (head, kinds)
  }

  private func call(_ extra: (String, String)...) -> RequestHead {
    head([(":method", "POST"), ("content-type", "application/grpc")] + extra).0
  }

  @Test("each field is told apart")
  func kinds() {
    let fields: [(String, String, RequestHead.Field)] = [
      (":method", "POST", .reserved), (":scheme", "http", .reserved), (":path", "/a/B", .path),
      (":authority", "x", .authority), ("host", "x", .authority), ("te", "trailers", .reserved),
      ("content-type", "application/grpc", .reserved), ("grpc-timeout", "1S", .reserved),
      ("grpc-encoding", "gzip", .reserved), ("grpc-accept-encoding", "gzip", .reserved),
      ("grpc-message-type", "x", .reserved), ("content-length", "9", .reserved),
      ("user-agent", "x", .metadata), ("authorization", "x", .metadata),
      ("grpc-trace-bin", "x", .metadata), ("", "", .metadata), ("ti", "", .metadata),
    ]
    #expect(head(fields.map { ($0.0, $0.1) }).1 == fields.map { $0.2 })
  }

  @Test(
    "content types",
    arguments: [
      ("application/grpc", .grpc), ("application/grpc+proto", .grpc), ("Application/GRPC", .grpc),
      ("application/grpc;charset=utf-8", .grpc), ("application/grpc+proto; v=1", .grpc),
      ("application/grpc+json", .grpcOtherCodec), ("application/grpc+", .grpcOtherCodec),
      ("application/grpc+protobuf", .grpcOtherCodec), ("application/grpc-web", .foreign),
      ("application/grpcx", .foreign), ("application/json", .foreign), ("", .foreign),
      ("application/grp", .foreign),
    ] as [(String, RequestHead.ContentType)])
  func contentTypes(value: String, type: RequestHead.ContentType) {
    #expect(value.withBytes { RequestHead.contentType($0) } == type)
  }

  @Test("a call is accepted with its encoding")
  func accepted() {
    #expect(call().disposition(answersPlainly: false) == .call(.identity))
    let gzip = call(("grpc-encoding", "gzip"), ("grpc-accept-encoding", "deflate, gzip"))
    #expect(gzip.disposition(answersPlainly: false) == .call(.gzip))
    #expect(gzip.acceptsGzip)
    #expect(!call(("grpc-accept-encoding", "gzipped,identity")).acceptsGzip)
  }

  @Test("a call that cannot be served is refused as a call")
  func refused() {
    #expect(
      call(("grpc-encoding", "snappy")).disposition(answersPlainly: false)
        == .refuse(.unsupportedEncoding))
    #expect(
      call(("grpc-timeout", "1s")).disposition(answersPlainly: false) == .refuse(.malformedTimeout))
    #expect(
      call(("content-type", "application/grpc+json")).disposition(answersPlainly: false)
        == .refuse(.unsupportedCodec))
  }

  @Test(
    "what is not gRPC gets a plain HTTP answer",
    arguments: [
      ("GET", nil, true, .plain), ("HEAD", nil, true, .plain), ("POST", "text/plain", true, .plain),
      ("GET", nil, false, .methodNotAllowed), ("POST", nil, false, .unsupportedMediaType),
      ("POST", "application/json", false, .unsupportedMediaType),
      ("PUT", "application/grpc", false, .methodNotAllowed),
      ("GET", "application/grpc", true, .methodNotAllowed),
      ("DELETE", nil, true, .methodNotAllowed),
      ("GET", "application/grpc+json", false, .methodNotAllowed),
    ] as [(String, String?, Bool, RequestDisposition)])
  func plain(method: String, type: String?, answers: Bool, expected: RequestDisposition) {
    let fields = [(":method", method)] + (type.map { [("content-type", $0)] } ?? [])
    #expect(head(fields).0.disposition(answersPlainly: answers) == expected)
  }
}
