import RPCClient
import RPCCore

/// The cases of gRPC's interoperability test descriptions, played by our client.
///
/// The server may be anybody's. A case throws what went otherwise than described.
struct InteropCases {
  typealias Client = Grpc_Testing_TestServiceClient
  typealias StreamingRequest = Grpc_Testing_StreamingOutputCallRequest

  /// What a server did that the description does not allow.
  struct Deviation: Error, CustomStringConvertible {
    var description: String

    init(_ description: String) { self.description = description }
  }

  static let all: [(name: String, run: @Sendable (Channel) async throws -> Void)] = [
    ("empty_unary", emptyUnary), ("large_unary", largeUnary),
    ("client_streaming", clientStreaming), ("server_streaming", serverStreaming),
    ("ping_pong", pingPong), ("empty_stream", emptyStream),
    ("cancel_after_begin", cancelAfterBegin),
    ("cancel_after_first_response", cancelAfterFirstResponse),
    ("timeout_on_sleeping_server", timeoutOnSleepingServer),
    ("status_code_and_message", statusCodeAndMessage),
    ("special_status_message", specialStatusMessage), ("custom_metadata", customMetadata),
    ("unimplemented_method", unimplementedMethod),
    ("unimplemented_service", unimplementedService),
  ]

  static let requestSizes = [27182, 8, 1828, 45904]
  static let responseSizes = [31415, 9, 2653, 58979]

  static func emptyUnary(_ channel: Channel) async throws {
    let response = try await Client(channel).emptyCall(Grpc_Testing_Empty())
    try expect(response, Grpc_Testing_Empty(), "response")
  }

  static func largeUnary(_ channel: Channel) async throws {
    var request = Grpc_Testing_SimpleRequest()
    request.responseSize = 314159
    request.payload = payload(271828)
    let response = try await Client(channel).unaryCall(request)
    try expect(response.payload?.body.count ?? -1, 314159, "bytes of the response")
  }

  static func clientStreaming(_ channel: Channel) async throws {
    let call = Client(channel).streamingInputCall()
    for size in requestSizes {
      var request = Grpc_Testing_StreamingInputCallRequest()
      request.payload = payload(size)
      try await call.send(request)
    }
    let response = try await call.finish()
    try expect(response.aggregatedPayloadSize, 74922, "aggregated size")
  }

  static func serverStreaming(_ channel: Channel) async throws {
    var sizes: [Int] = []
    for try await response in Client(channel).streamingOutputCall(request(responseSizes)) {
      sizes.append(response.payload?.body.count ?? -1)
    }
    try expect(sizes, responseSizes, "sizes of the responses")
  }

  static func pingPong(_ channel: Channel) async throws {
    let call = Client(channel).fullDuplexCall()
    var responses = call.makeAsyncIterator()
    for (size, answer) in zip(requestSizes, responseSizes) {
      try await call.send(request([answer], payload: size))
      let response = try await responses.next()
      try expect(response?.payload?.body.count ?? -1, answer, "bytes of the response")
    }
    try await call.closeSend()
    let end = try await responses.next()
    try expect(end == nil, true, "end of the responses")
  }

  static func emptyStream(_ channel: Channel) async throws {
    let call = Client(channel).fullDuplexCall()
    try await call.closeSend()
    var responses = call.makeAsyncIterator()
    let first = try await responses.next()
    try expect(first == nil, true, "end of the responses")
  }

  static func cancelAfterBegin(_ channel: Channel) async throws {
    let call = Client(channel).streamingInputCall()
    call.cancel()
    try await expect(.cancelled) { _ = try await call.finish() }
  }

  static func cancelAfterFirstResponse(_ channel: Channel) async throws {
    let call = Client(channel).fullDuplexCall()
    var responses = call.makeAsyncIterator()
    try await call.send(request([responseSizes[0]], payload: requestSizes[0]))
    _ = try await responses.next()
    call.cancel()
    try await expect(.cancelled) { _ = try await responses.next() }
  }

  static func timeoutOnSleepingServer(_ channel: Channel) async throws {
    let call = Client(channel).fullDuplexCall(options: CallOptions(timeout: .milliseconds(1)))
    try await expect(.deadlineExceeded) {
      try await call.send(request([], payload: 27182))
      var responses = call.makeAsyncIterator()
      _ = try await responses.next()
    }
  }

  static func statusCodeAndMessage(_ channel: Channel) async throws {
    try await status(channel, "test status message", alsoStreaming: true)
  }

  static func specialStatusMessage(_ channel: Channel) async throws {
    try await status(
      channel, "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n",
      alsoStreaming: false)
  }

  private static func status(
    _ channel: Channel, _ text: String, alsoStreaming: Bool
  ) async throws {
    var echo = Grpc_Testing_EchoStatus()
    echo.code = 2
    echo.message = text
    var unary = Grpc_Testing_SimpleRequest()
    unary.responseStatus = echo
    try await expect(.unknown, text) { _ = try await Client(channel).unaryCall(unary) }
    guard alsoStreaming else { return }
    let call = Client(channel).fullDuplexCall()
    var message = request([])
    message.responseStatus = echo
    try await call.send(message)
    try await call.closeSend()
    try await expect(.unknown, text) { for try await _ in call {} }
  }

  static func customMetadata(_ channel: Channel) async throws {
    let initial = "x-grpc-test-echo-initial"
    let trailing = "x-grpc-test-echo-trailing-bin"
    let value = "test_initial_metadata_value"
    let bytes: [UInt8] = [10, 11, 10, 11, 10, 11]
    var metadata = Metadata()
    try metadata.add(value, for: initial)
    try metadata.add(binary: bytes, for: trailing)
    let options = CallOptions(metadata: metadata)

    var unary = Grpc_Testing_SimpleRequest()
    unary.responseSize = 1
    let response = try await channel.response(
      Grpc_Testing_TestServiceMethods.unaryCall, unary, options: options)
    try expect(response.metadata[initial], value, "initial metadata of the unary call")
    try expect(response.trailers[binary: trailing], bytes, "trailing metadata of the unary call")

    let call = Client(channel).fullDuplexCall(options: options)
    try await call.send(request([1]))
    try await call.closeSend()
    for try await _ in call {}
    let head = try await call.metadata
    let end = await call.trailers
    try expect(head[initial], value, "initial metadata of the streaming call")
    try expect(end[binary: trailing], bytes, "trailing metadata of the streaming call")
  }

  static func unimplementedMethod(_ channel: Channel) async throws {
    try await expect(.unimplemented) {
      _ = try await Client(channel).unimplementedCall(Grpc_Testing_Empty())
    }
  }

  static func unimplementedService(_ channel: Channel) async throws {
    try await expect(.unimplemented) {
      _ = try await Grpc_Testing_UnimplementedServiceClient(channel).unimplementedCall(
        Grpc_Testing_Empty())
    }
  }

  // MARK: Parts

  private static func payload(_ size: Int) -> Grpc_Testing_Payload {
    var payload = Grpc_Testing_Payload()
    payload.body = [UInt8](repeating: 0, count: size)
    return payload
  }

  private static func request(_ sizes: [Int], payload size: Int? = nil) -> StreamingRequest {
    var request = StreamingRequest()
    request.responseParameters = sizes.map { size in
      var parameters = Grpc_Testing_ResponseParameters()
      parameters.size = Int32(size)
      return parameters
    }
    if let size { request.payload = payload(size) }
    return request
  }

  private static func expect<T: Equatable>(_ value: T, _ expected: T, _ what: String) throws {
    guard value == expected else {
      throw Deviation("\(what): expected \(expected), got \(value)")
    }
  }

  private static func expect(
    _ code: StatusCode, _ text: String? = nil, _ body: () async throws -> Void
  ) async throws {
    do {
      try await body()
    } catch let error as RPCError where error.code == code {
      if let text { try expect(error.message, text, "message") }
      return
    }
    throw Deviation("expected \(code), got OK")
  }
}
