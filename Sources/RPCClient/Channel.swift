import Framing
import NIOCore
import NIOPosix
import ProtoWire
public import RPCCore
import Transport

/// A connection to a service: the client's end of gRPC over HTTP/2.
///
/// Connects when the first call asks for it, and again when the connection is lost; a call that finds no connection fails
/// with UNAVAILABLE unless it says `waitForReady`. All calls share
/// one connection, and each has its own flow control: one that nobody reads stops its own sender and
/// no other call. Safe to use from any thread; its work is done on one event loop. A channel that nobody
/// holds closes when its calls have ended; those that still wait for a connection fail.
///
/// ```swift
/// let channel = try Channel(target: "127.0.0.1:7070")
/// let devices = DeviceServiceClient(channel)
/// let answer = try await devices.getDevice(request, options: CallOptions(timeout: .seconds(2)))
/// // With the metadata that came around the answer:
/// let full = try await channel.response(DeviceServiceMethods.getDevice, request)
/// print(full.metadata["x-served-by"] ?? "", full.trailers["x-cost"] ?? "")
/// await channel.close()
/// ```
public final class Channel: ClientChannel {
  let core: ChannelCore
  private let configuration: Configuration

  /// A channel that is not connected yet.
  ///
  /// - Parameter target: `host:port`, `[v6]:port`, `unix:/path`, or several of them joined by commas,
  ///   which are tried in order.
  /// - Throws: ``ChannelError`` for a target that is none, or TLS files that cannot be used.
  public init(
    target: String, configuration: Configuration = Configuration()
  ) throws(ChannelError) {
    let target = try ChannelTarget(target, defaultPort: configuration.tls == nil ? 80 : 443)
    self.configuration = configuration
    let group = configuration.eventLoopGroup ?? MultiThreadedEventLoopGroup.singleton
    do throws(TLSProblem) {
      core = ChannelCore(
        target: target, configuration: configuration, tls: try configuration.tls?.ready(),
        loop: group.next())
    } catch {
      throw .tls(error.description)
    }
  }

  deinit { core.abandon() }

  /// What the channel is doing about its connection.
  public var connectivity: ConnectivityState { core.connectivity }

  /// Closes the channel: new calls fail with UNAVAILABLE, those that run may finish.
  ///
  /// Returns when the connection is closed. Does nothing the second time.
  /// - Parameter grace: after this time calls that still run are cancelled.
  public func close(grace: Duration = .seconds(5)) async {
    await core.close(grace: grace)
  }

  // MARK: ClientChannel

  public func response<Request, Response>(
    _ method: MethodDescriptor<Request, Response>, _ request: Request, options: CallOptions
  ) async throws -> UnaryResponse<Response> {
    let call = makeCall(method, .unary, options)
    call.mailbox.prepare(request.serialized())
    let handle = CallHandle(call)
    start(call)
    let outcome = await handle.outcome()
    if let error = outcome.error { throw error }
    let metadata = try await handle.initialMetadata()
    guard let bytes = handle.takeResponse() else {
      throw RPCError(.unimplemented, "the response has no message", metadata: outcome.trailers)
    }
    do {
      return UnaryResponse(
        message: try Response(wire: bytes), metadata: metadata, trailers: outcome.trailers)
    } catch {
      var failure = RPCError(
        .internalError, "response \(Response.fullName) does not decode: \(error)",
        metadata: outcome.trailers)
      failure.initialMetadata = metadata
      throw failure
    }
  }

  public func serverStreaming<Request, Response>(
    _ method: MethodDescriptor<Request, Response>, _ request: Request, options: CallOptions
  ) -> ServerStreamingCall<Response> {
    let call = makeCall(method, .serverStreaming, options)
    call.mailbox.prepare(request.serialized())
    start(call)
    return ServerStreamingCall(CallHandle(call))
  }

  public func clientStreaming<Request, Response>(
    _ method: MethodDescriptor<Request, Response>, options: CallOptions
  ) -> ClientStreamingCall<Request, Response> {
    let call = makeCall(method, .clientStreaming, options)
    start(call)
    return ClientStreamingCall(CallHandle(call))
  }

  public func bidirectionalStreaming<Request, Response>(
    _ method: MethodDescriptor<Request, Response>, options: CallOptions
  ) -> BidirectionalCall<Request, Response> {
    let call = makeCall(method, .bidirectionalStreaming, options)
    start(call)
    return BidirectionalCall(CallHandle(call))
  }

  // MARK: Inside

  private func makeCall<Request, Response>(
    _ method: MethodDescriptor<Request, Response>, _ kind: MethodKind, _ options: CallOptions
  ) -> ClientCall {
    let standard = kind == .unary ? configuration.unaryTimeout : nil
    let timeout = options.timeout ?? standard
    let retry = options.retry ?? configuration.retry
    let request = CallRequest(
      path: Array(method.path.utf8), expectsOneResponse: !kind.serverStreams,
      deadline: timeout.map { Deadline(after: $0) }, metadata: options.metadata,
      encoding: options.compression == .gzip ? .gzip : .identity,
      waitForReady: options.waitForReady, retry: retry,
      isRepeatable: retry.scope == .allMethods || method.idempotency != .unknown,
      retryBufferBytes: configuration.retryBufferBytes,
      maxResponseBytes: options.maxResponseBytes ?? configuration.maxResponseBytes)
    return ClientCall(request: request, channel: core)
  }

  private func start(_ call: ClientCall) {
    guard let credentials = configuration.credentials else {
      call.start()
      return
    }
    if let metadata = credentials.fixed {
      call.start(adding: metadata)
    } else {
      call.start(making: credentials)
    }
  }
}
