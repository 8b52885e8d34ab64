public import ProtoWire

/// A service's methods and what runs them: what generated code builds and a server is started with.
public struct ServiceRegistration: Sendable {
  /// `rollcall.v1.DeploymentService`
  public let service: String
  /// Where the service is declared; served by reflection.
  public let file: FileDescriptor?
  public private(set) var methods: [RegisteredMethod] = []

  public init(service: String, file: FileDescriptor? = nil) {
    self.service = service
    self.file = file
  }

  /// Handlers run where they are called from, the call's loop: no hop on the way in or out.
  public typealias UnaryHandler<Request: Message, Response: Message> =
    nonisolated(nonsending) @Sendable (Request, ServerContext) async throws -> Response
  public typealias ServerStreamingHandler<Request: Message, Response: Message> =
    nonisolated(nonsending) @Sendable (Request, ResponseStream<Response>, ServerContext)
    async throws -> Void
  public typealias ClientStreamingHandler<Request: Message, Response: Message> =
    nonisolated(nonsending) @Sendable (RequestStream<Request>, ServerContext) async throws ->
    Response
  public typealias BidirectionalHandler<Request: Message, Response: Message> =
    nonisolated(nonsending) @Sendable (
      RequestStream<Request>, ResponseStream<Response>, ServerContext
    ) async throws -> Void

  public mutating func add(_ method: RegisteredMethod) { methods.append(method) }

  /// One request, one response.
  @inlinable public mutating func unary<Request: Message, Response: Message>(
    _ method: MethodDescriptor<Request, Response>,
    _ body: @escaping UnaryHandler<Request, Response>
  ) {
    add(
      RegisteredMethod(method.erased) { call, bytes in
        let request: Request
        do throws(RPCError) {
          request = try call.decode(bytes)
        } catch {
          return call.end(error)
        }
        call.start {
          do {
            call.respond(try await body(request, call.context))
          } catch {
            call.end(error)
          }
        }
      })
  }

  /// One request, many responses.
  @inlinable public mutating func serverStreaming<Request: Message, Response: Message>(
    _ method: MethodDescriptor<Request, Response>,
    _ body: @escaping ServerStreamingHandler<Request, Response>
  ) {
    add(
      RegisteredMethod(method.erased) { call, bytes in
        let request: Request
        do throws(RPCError) {
          request = try call.decode(bytes)
        } catch {
          return call.end(error)
        }
        call.start {
          do {
            try await body(request, ResponseStream<Response>(call), call.context)
            call.end(nil)
          } catch {
            call.end(error)
          }
        }
      })
  }

  /// Many requests, one response.
  @inlinable public mutating func clientStreaming<Request: Message, Response: Message>(
    _ method: MethodDescriptor<Request, Response>,
    _ body: @escaping ClientStreamingHandler<Request, Response>
  ) {
    add(
      RegisteredMethod(method.erased) { call, _ in
        call.start {
          do {
            call.respond(try await body(RequestStream<Request>(call), call.context))
          } catch {
            call.end(error)
          }
        }
      })
  }

  /// Many requests, many responses, each side at its own pace.
  @inlinable public mutating func bidirectionalStreaming<Request: Message, Response: Message>(
    _ method: MethodDescriptor<Request, Response>,
    _ body: @escaping BidirectionalHandler<Request, Response>
  ) {
    add(
      RegisteredMethod(method.erased) { call, _ in
        call.start {
          do {
            try await body(
              RequestStream<Request>(call), ResponseStream<Response>(call), call.context)
            call.end(nil)
          } catch {
            call.end(error)
          }
        }
      })
  }
}

/// A method and how a call of it starts, without its types.
public final class RegisteredMethod: Sendable {
  public let descriptor: AnyMethodDescriptor

  /// Starts a call on its loop. The bytes are the request of a method whose client does not stream, and empty otherwise; they are read before this returns.
  public let start: @Sendable (_ call: ServerCall, _ request: UnsafeRawBufferPointer) -> Void

  @inlinable public init(
    _ descriptor: AnyMethodDescriptor,
    start: @escaping @Sendable (ServerCall, UnsafeRawBufferPointer) -> Void
  ) {
    self.descriptor = descriptor
    self.start = start
  }
}
