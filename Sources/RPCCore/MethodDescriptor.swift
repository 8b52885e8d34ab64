public import ProtoWire

/// Which sides of a method send more than one message.
public enum MethodKind: UInt8, Sendable, Hashable, CaseIterable {
  case unary
  case serverStreaming
  case clientStreaming
  case bidirectionalStreaming

  public var clientStreams: Bool { self == .clientStreaming || self == .bidirectionalStreaming }
  public var serverStreams: Bool { self == .serverStreaming || self == .bidirectionalStreaming }
}

/// `google.protobuf.MethodOptions.IdempotencyLevel`: what a client may repeat on its own.
public enum Idempotency: UInt8, Sendable, Hashable {
  /// Nothing is known: a client repeats a call only when the server cannot have executed it, or a retry policy says so.
  case unknown
  case noSideEffects
  case idempotent
}

/// A method of a service with the types of its messages. Generated code declares one per method.
public struct MethodDescriptor<Request: Message, Response: Message>: Sendable {
  public let service: String
  public let name: String
  public let kind: MethodKind
  public let idempotency: Idempotency

  public init(
    service: String, name: String, kind: MethodKind, idempotency: Idempotency = .unknown
  ) {
    self.service = service
    self.name = name
    self.kind = kind
    self.idempotency = idempotency
  }

  /// `/rollcall.v1.DeploymentService/GetDeployment`
  public var path: String { "/\(service)/\(name)" }

  public var erased: AnyMethodDescriptor {
    AnyMethodDescriptor(service: service, name: name, kind: kind, idempotency: idempotency)
  }
}

/// A method without the types of its messages: what a router, an interceptor and a log need.
public struct AnyMethodDescriptor: Sendable, Hashable {
  public let service: String
  public let name: String
  public let kind: MethodKind
  public let idempotency: Idempotency

  public init(
    service: String, name: String, kind: MethodKind, idempotency: Idempotency = .unknown
  ) {
    self.service = service
    self.name = name
    self.kind = kind
    self.idempotency = idempotency
  }

  public var path: String { "/\(service)/\(name)" }
}

extension AnyMethodDescriptor: CustomStringConvertible {
  public var description: String { "\(service)/\(name)" }
}
