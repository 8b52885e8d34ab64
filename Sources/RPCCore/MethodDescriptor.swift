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
  let options: StaticString

  /// - Parameter options: the custom options' fields of `google.protobuf.MethodOptions` as base64.
  public init(
    service: String, name: String, kind: MethodKind, idempotency: Idempotency = .unknown,
    options: StaticString = ""
  ) {
    self.service = service
    self.name = name
    self.kind = kind
    self.idempotency = idempotency
    self.options = options
  }

  /// `/rollcall.v1.DeploymentService/GetDeployment`
  public var path: String { "/\(service)/\(name)" }

  public var erased: AnyMethodDescriptor {
    AnyMethodDescriptor(
      service: service, name: name, kind: kind, idempotency: idempotency, options: options)
  }
}

/// A method without the types of its messages: what a router, an interceptor and a log need.
///
/// Two of the same service, name, kind and idempotency are equal whatever their options are.
public struct AnyMethodDescriptor: Sendable {
  public let service: String
  public let name: String
  public let kind: MethodKind
  public let idempotency: Idempotency
  private let options: StaticString

  /// - Parameter options: the custom options' fields of `google.protobuf.MethodOptions` as base64.
  public init(
    service: String, name: String, kind: MethodKind, idempotency: Idempotency = .unknown,
    options: StaticString = ""
  ) {
    self.service = service
    self.name = name
    self.kind = kind
    self.idempotency = idempotency
    self.options = options
  }

  public var path: String { "/\(service)/\(name)" }

  /// What the schema says by a custom option: `try method.option(.policy)`; nil: nothing. Read
  /// from the embedded bytes on every call: keep the result.
  /// - Throws: `DecodingError` for a descriptor whose options no compiler wrote.
  public func option<Codec: WireCodec>(_ option: MethodOption<Codec>) throws(DecodingError)
    -> Codec.Value?
  {
    guard options.utf8CodeUnitCount > 0 else { return nil }
    return try option.value(in: Base64.decode(generated: options))
  }
}

extension AnyMethodDescriptor: Hashable {
  public static func == (a: Self, b: Self) -> Bool {
    a.name == b.name && a.service == b.service && a.kind == b.kind
      && a.idempotency == b.idempotency
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(service)
    hasher.combine(name)
  }
}

extension AnyMethodDescriptor: CustomStringConvertible {
  public var description: String { "\(service)/\(name)" }
}
