import ProtoWire
import RPCCore
import StandardProtos

/// What a server's services are made of, by file and by symbol: the answers of `grpc.reflection`.
///
/// Built from the descriptors that generated code embeds; immutable.
struct ReflectionIndex: Sendable {
  /// Full names of the services, sorted.
  let services: [String]
  /// The descriptor of each file and of all it imports, itself first.
  private let files: [String: [[UInt8]]]
  /// The file that declares each message, enum, field, service and method.
  private let symbols: [String: String]
  /// The file that declares each extension, by extended message and number.
  private let extensions: [String: [Int32: String]]

  /// The reflection services, v1 and v1alpha, over `services` and themselves.
  static func services(
    for services: [ServiceRegistration]
  ) throws(DecodingError) -> [ServiceRegistration] {
    let own = [
      ServiceRegistration(
        service: Grpc_Reflection_V1_ServerReflectionMethods.serviceName,
        file: grpcReflectionV1ReflectionProto),
      ServiceRegistration(
        service: Grpc_Reflection_V1alpha_ServerReflectionMethods.serviceName,
        file: grpcReflectionV1alphaReflectionProto),
    ]
    let index = try ReflectionIndex(services + own)
    return [
      ReflectionService(index: index).registration,
      ReflectionAlphaService(index: index).registration,
    ]
  }

  /// - Throws: when the bytes of a file are no descriptor.
  init(_ registrations: [ServiceRegistration]) throws(DecodingError) {
    services = registrations.map(\.service).sorted()
    var bytes: [String: [UInt8]] = [:]
    var symbols: [String: String] = [:]
    var extensions: [String: [Int32: String]] = [:]
    let all = registrations.compactMap(\.file).flatMap(\.closure)
    for file in all where bytes[file.name] == nil {
      bytes[file.name] = file.bytes
      let parsed = try file.parsed()
      let prefix = parsed.package.isEmpty ? "" : parsed.package + "."
      for symbol in Self.symbols(of: parsed, prefix: prefix) { symbols[symbol] = file.name }
      for field in Self.extensions(of: parsed) {
        let extended = String(field.extendee.drop { $0 == "." })
        extensions[extended, default: [:]][field.number] = file.name
      }
    }
    files = Dictionary(
      all.map { file in (file.name, file.closure.reversed().compactMap { bytes[$0.name] }) },
      uniquingKeysWith: { first, _ in first })
    self.symbols = symbols
    self.extensions = extensions
  }

  private static func symbols(of file: FileDescriptorProto, prefix: String) -> [String] {
    var names = file.messageType.flatMap { symbols(of: $0, prefix: prefix) }
    names += file.enumType.flatMap { symbols(of: $0, prefix: prefix) }
    names += file.extension.map { prefix + $0.name }
    for service in file.service {
      names.append(prefix + service.name)
      names += service.method.map { "\(prefix)\(service.name).\($0.name)" }
    }
    return names
  }

  private static func symbols(of message: DescriptorProto, prefix: String) -> [String] {
    let name = prefix + message.name
    var names = [name]
    names += message.field.map { "\(name).\($0.name)" }
    names += message.oneofDecl.map { "\(name).\($0.name)" }
    names += message.extension.map { "\(name).\($0.name)" }
    names += message.enumType.flatMap { symbols(of: $0, prefix: name + ".") }
    names += message.nestedType.flatMap { symbols(of: $0, prefix: name + ".") }
    return names
  }

  /// An enum's values are siblings of the enum, as protobuf scopes them.
  private static func symbols(of type: EnumDescriptorProto, prefix: String) -> [String] {
    [prefix + type.name] + type.value.map { prefix + $0.name }
  }

  private static func extensions(of file: FileDescriptorProto) -> [FieldDescriptorProto] {
    func inside(_ message: DescriptorProto) -> [FieldDescriptorProto] {
      message.extension + message.nestedType.flatMap(inside)
    }
    return file.extension + file.messageType.flatMap(inside)
  }

  // MARK: Answers

  typealias Request = Grpc_Reflection_V1_ServerReflectionRequest
  typealias Response = Grpc_Reflection_V1_ServerReflectionResponse

  func answer(_ request: Request) -> Response {
    .with {
      $0.validHost = request.host
      $0.originalRequest = request
      $0.messageResponse = content(request)
    }
  }

  /// Bytes of a name that is asked for; longer ones are INVALID_ARGUMENT.
  static let maxNameBytes = 1024

  private static func nameBytes(_ request: Request.MessageRequest?) -> Int {
    switch request {
    case .fileByFilename(let name)?, .fileContainingSymbol(let name)?,
      .allExtensionNumbersOfType(let name)?:
      name.utf8.count
    case .fileContainingExtension(let wanted)?: wanted.containingType.utf8.count
    case .listServices?, nil: 0
    }
  }

  private func content(_ request: Request) -> Response.MessageResponse {
    let count = Self.nameBytes(request.messageRequest)
    guard count <= Self.maxNameBytes else {
      return .errorResponse(
        .with {
          $0.errorCode = Int32(StatusCode.invalidArgument.rawValue)
          $0.errorMessage = "a name of \(count) bytes exceeds \(Self.maxNameBytes)"
        })
    }
    switch request.messageRequest {
    case .fileByFilename(let name)?:
      return file(name, orMissing: "file \(name)")
    case .fileContainingSymbol(let symbol)?:
      return file(symbols[symbol], orMissing: "symbol \(symbol)")
    case .fileContainingExtension(let wanted)?:
      return file(
        extensions[wanted.containingType]?[wanted.extensionNumber],
        orMissing: "extension \(wanted.extensionNumber) of \(wanted.containingType)")
    case .allExtensionNumbersOfType(let type)?:
      guard symbols[type] != nil else { return missing("type \(type)") }
      return .allExtensionNumbersResponse(
        .with {
          $0.baseTypeName = type
          $0.extensionNumber = (extensions[type]?.keys).map { $0.sorted() } ?? []
        })
    case .listServices?:
      return .listServicesResponse(
        .with { $0.service = services.map { name in .with { $0.name = name } } })
    case nil:
      return .errorResponse(
        .with {
          $0.errorCode = Int32(StatusCode.invalidArgument.rawValue)
          $0.errorMessage = "the request asks for nothing"
        })
    }
  }

  /// The file and all it imports, itself first.
  private func file(_ name: String?, orMissing what: String) -> Response.MessageResponse {
    guard let name, let file = files[name] else { return missing(what) }
    return .fileDescriptorResponse(.with { $0.fileDescriptorProto = file })
  }

  private func missing(_ what: String) -> Response.MessageResponse {
    .errorResponse(
      .with {
        $0.errorCode = Int32(StatusCode.notFound.rawValue)
        $0.errorMessage = "there is no \(what) here"
      })
  }
}

/// `grpc.reflection.v1`. Driven by its requests: a stream that asks nothing costs neither a handler nor a task.
struct ReflectionService: Grpc_Reflection_V1_ServerReflectionServer {
  let index: ReflectionIndex

  func serverReflectionInfo(
    _ requests: RequestStream<Grpc_Reflection_V1_ServerReflectionRequest>,
    responses: ResponseStream<Grpc_Reflection_V1_ServerReflectionResponse>, context: ServerContext
  ) async throws {
    let stream = responses.detach()
    requests.detach { request in
      try await responses.write(index.answer(request))
    } onEnd: {
      stream.finish($0)
    }
  }
}

/// `grpc.reflection.v1alpha`: the same messages under other names, so they convert through their wire form.
struct ReflectionAlphaService: Grpc_Reflection_V1alpha_ServerReflectionServer {
  let index: ReflectionIndex

  func serverReflectionInfo(
    _ requests: RequestStream<Grpc_Reflection_V1alpha_ServerReflectionRequest>,
    responses: ResponseStream<Grpc_Reflection_V1alpha_ServerReflectionResponse>,
    context: ServerContext
  ) async throws {
    let stream = responses.detach()
    requests.detach { request in
      let answer = index.answer(try .init(wire: request.serialized()))
      try await responses.write(.init(wire: answer.serialized()))
    } onEnd: {
      stream.finish($0)
    }
  }
}
