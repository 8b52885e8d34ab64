import RPCCore

/// `grpc.testing.TestService` as the interoperability test descriptions want it.
struct TestService: Grpc_Testing_TestServiceServer {
  /// The largest response anybody may ask for: what a client accepts by default.
  private static let largestPayload = 4 * 1024 * 1024 - 64

  func emptyCall(
    _ request: Grpc_Testing_Empty, context: ServerContext
  ) async throws -> Grpc_Testing_Empty {
    try echoMetadata(context)
    return Grpc_Testing_Empty()
  }

  func unaryCall(
    _ request: Grpc_Testing_SimpleRequest, context: ServerContext
  ) async throws -> Grpc_Testing_SimpleResponse {
    try echoMetadata(context)
    try echoStatus(request.responseStatus)
    var response = Grpc_Testing_SimpleResponse()
    response.payload = try payload(request.responseSize)
    return response
  }

  func cacheableUnaryCall(
    _ request: Grpc_Testing_SimpleRequest, context: ServerContext
  ) async throws -> Grpc_Testing_SimpleResponse {
    try await unaryCall(request, context: context)
  }

  func streamingOutputCall(
    _ request: Grpc_Testing_StreamingOutputCallRequest,
    responses: ResponseStream<Grpc_Testing_StreamingOutputCallResponse>, context: ServerContext
  ) async throws {
    try echoMetadata(context)
    try echoStatus(request.responseStatus)
    try await answer(request, responses)
  }

  func streamingInputCall(
    _ requests: RequestStream<Grpc_Testing_StreamingInputCallRequest>, context: ServerContext
  ) async throws -> Grpc_Testing_StreamingInputCallResponse {
    try echoMetadata(context)
    var size = 0
    for try await request in requests { size += request.payload?.body.count ?? 0 }
    var response = Grpc_Testing_StreamingInputCallResponse()
    response.aggregatedPayloadSize = Int32(clamping: size)
    return response
  }

  func fullDuplexCall(
    _ requests: RequestStream<Grpc_Testing_StreamingOutputCallRequest>,
    responses: ResponseStream<Grpc_Testing_StreamingOutputCallResponse>, context: ServerContext
  ) async throws {
    try echoMetadata(context)
    for try await request in requests {
      try echoStatus(request.responseStatus)
      try await answer(request, responses)
    }
  }

  func halfDuplexCall(
    _ requests: RequestStream<Grpc_Testing_StreamingOutputCallRequest>,
    responses: ResponseStream<Grpc_Testing_StreamingOutputCallResponse>, context: ServerContext
  ) async throws {
    try echoMetadata(context)
    var all: [Grpc_Testing_StreamingOutputCallRequest] = []
    for try await request in requests { all.append(request) }
    for request in all { try await answer(request, responses) }
  }

  /// The descriptions want a method that the server does not implement.
  func unimplementedCall(
    _ request: Grpc_Testing_Empty, context: ServerContext
  ) async throws -> Grpc_Testing_Empty {
    throw RPCError(.unimplemented, "UnimplementedCall is not implemented")
  }

  // MARK: Parts

  private func echoMetadata(_ context: ServerContext) throws {
    let initial = "x-grpc-test-echo-initial"
    if let value = context.requestMetadata[initial] {
      try context.initialMetadata.add(value, for: initial)
    }
    let trailing = "x-grpc-test-echo-trailing-bin"
    if let value = context.requestMetadata[binary: trailing] {
      try context.trailingMetadata.add(binary: value, for: trailing)
    }
  }

  private func echoStatus(_ status: Grpc_Testing_EchoStatus?) throws {
    guard let status, status.code != 0 else { return }
    throw RPCError(StatusCode(wire: Int(status.code)), status.message)
  }

  private func answer(
    _ request: Grpc_Testing_StreamingOutputCallRequest,
    _ responses: ResponseStream<Grpc_Testing_StreamingOutputCallResponse>
  ) async throws {
    for parameters in request.responseParameters {
      if parameters.intervalUs > 0 {
        try await Task.sleep(for: .microseconds(Int64(parameters.intervalUs)))
      }
      var response = Grpc_Testing_StreamingOutputCallResponse()
      response.payload = try payload(parameters.size)
      try await responses.write(response)
    }
  }

  private func payload(_ size: Int32) throws -> Grpc_Testing_Payload {
    guard size >= 0, size <= Self.largestPayload else {
      throw RPCError(
        .invalidArgument, "response size \(size) is not in 0...\(Self.largestPayload)")
    }
    var payload = Grpc_Testing_Payload()
    payload.body = [UInt8](repeating: 0, count: Int(size))
    return payload
  }
}
