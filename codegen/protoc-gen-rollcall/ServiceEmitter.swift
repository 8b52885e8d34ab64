import ProtoWire

/// Emits what a service gets: method descriptors, the server's protocol with its registration, and the
/// client. All of it only declares; behaviour lives in RPCCore.
struct ServiceEmitter {
  let service: ServiceType
  let file: ProtoFile
  let visibility: GeneratorOptions.Visibility
  private var access: String { visibility.modifier }

  func emit(to writer: inout SourceWriter) {
    emitMethods(to: &writer)
    emitServer(to: &writer)
    emitRegistration(to: &writer)
    emitClient(to: &writer)
  }

  private func emitMethods(to writer: inout SourceWriter) {
    writer.gap()
    writer.line("/// The methods of `\(service.fullName)`.")
    writer.block("\(access)enum \(service.swiftName)Methods") { writer in
      writer.line("\(access)static let serviceName = \"\(service.fullName)\"")
      for method in service.methods {
        writer.gap()
        writer.line(
          wrapping: "\(access)static let \(method.swiftName) = MethodDescriptor<",
          [method.input.swiftPath, method.output.swiftPath], ">(")
        writer.indented { writer in
          var more: [String] = []
          if method.idempotency != ".unknown" { more.append("idempotency: \(method.idempotency)") }
          if !method.options.isEmpty { more.append("options: \"\(base64(method.options))\"") }
          let kind = "kind: .\(method.kind.rawValue)"
          writer.line(
            "service: serviceName, name: \"\(method.name)\", \(kind)\(more.isEmpty ? ")" : ",")")
          if !more.isEmpty { writer.line(more.joined(separator: ", ") + ")") }
        }
      }
      writer.gap()
      writer.line(
        wrapping: "\(access)static let all: [AnyMethodDescriptor] = [",
        service.methods.map { "\($0.swiftName).erased" }, "]")
    }
  }

  private func emitServer(to writer: inout SourceWriter) {
    writer.gap()
    writer.doc(service.comment)
    writer.block("\(access)protocol \(service.swiftName)Server: Sendable") { writer in
      for method in service.methods {
        writer.gap()
        writer.doc(method.comment)
        let input = method.input.swiftPath
        let output = method.output.swiftPath
        let head = "func \(method.swiftName)("
        let context = "context: ServerContext"
        switch method.kind {
        case .unary:
          writer.line(
            wrapping: head, ["_ request: \(input)", context], ") async throws -> \(output)")
        case .serverStreaming:
          writer.line(
            wrapping: head,
            ["_ request: \(input)", "responses: ResponseStream<\(output)>", context],
            ") async throws")
        case .clientStreaming:
          writer.line(
            wrapping: head, ["_ requests: RequestStream<\(input)>", context],
            ") async throws -> \(output)")
        case .bidirectionalStreaming:
          writer.line(
            wrapping: head,
            [
              "_ requests: RequestStream<\(input)>", "responses: ResponseStream<\(output)>",
              context,
            ], ") async throws")
        }
      }
    }
  }

  private func emitRegistration(to writer: inout SourceWriter) {
    let methods = "\(service.swiftName)Methods"
    writer.gap()
    writer.block("extension \(service.swiftName)Server") { writer in
      writer.line("/// The service's methods bound to this implementation, for a server's list.")
      writer.block("\(access)var registration: ServiceRegistration") { writer in
        writer.line(
          "\(service.methods.isEmpty ? "let" : "var") registration = ServiceRegistration(")
        writer.indented { writer in
          writer.line("service: \(methods).serviceName, file: \(file.descriptorName))")
        }
        for method in service.methods {
          let (parameters, arguments) =
            switch method.kind {
            case .unary: ("request, context", "request, context: context")
            case .clientStreaming: ("requests, context", "requests, context: context")
            case .serverStreaming:
              ("request, responses, context", "request, responses: responses, context: context")
            case .bidirectionalStreaming:
              ("requests, responses, context", "requests, responses: responses, context: context")
            }
          writer.block(
            "registration.\(method.kind.rawValue)(\(methods).\(method.swiftName))", parameters
          ) { writer in
            writer.line("try await self.\(method.swiftName)(\(arguments))")
          }
        }
        writer.line("return registration")
      }
    }
  }

  private func emitClient(to writer: inout SourceWriter) {
    let methods = "\(service.swiftName)Methods"
    writer.gap()
    writer.doc(service.comment)
    writer.block("\(access)struct \(service.swiftName)Client: Sendable") { writer in
      writer.line("private let channel: any ClientChannel")
      writer.gap()
      writer.line("\(access)init(_ channel: any ClientChannel) { self.channel = channel }")
      for method in service.methods {
        let input = method.input.swiftPath
        let output = method.output.swiftPath
        let head = "\(access)func \(method.swiftName)("
        let request = "_ request: \(input)"
        let options = "options: CallOptions = .init()"
        let descriptor = "\(methods).\(method.swiftName)"
        writer.gap()
        writer.doc(method.comment)
        switch method.kind {
        case .unary:
          writer.line(
            wrapping: head, [request, options], ") async throws -> \(output) {")
          writer.indented {
            $0.line("try await channel.unary(\(descriptor), request, options: options)")
          }
        case .serverStreaming:
          writer.line(
            wrapping: head, [request, options], ") -> ServerStreamingCall<\(output)> {")
          writer.indented {
            $0.line("channel.serverStreaming(\(descriptor), request, options: options)")
          }
        case .clientStreaming:
          writer.line(
            wrapping: head, [options], ") -> ClientStreamingCall<\(input), \(output)> {")
          writer.indented {
            $0.line("channel.clientStreaming(\(descriptor), options: options)")
          }
        case .bidirectionalStreaming:
          writer.line(
            wrapping: head, [options], ") -> BidirectionalCall<\(input), \(output)> {")
          writer.indented {
            $0.line("channel.bidirectionalStreaming(\(descriptor), options: options)")
          }
        }
        writer.line("}")
      }
    }
  }
}

extension MethodOptionType {
  /// Emits the name by which a method's option is asked for.
  func emit(_ visibility: GeneratorOptions.Visibility, to writer: inout SourceWriter) {
    writer.gap()
    writer.block("extension MethodOption where Codec == \(kind.codec)") { writer in
      writer.doc(comment)
      writer.line(
        "\(visibility.modifier)static var \(swiftName): Self { Self(number: \(number)) }")
    }
  }
}

extension SourceWriter {
  /// `head { parameters in`, an indented body, `}`.
  mutating func block(_ head: String, _ parameters: String, _ body: (inout SourceWriter) -> Void) {
    line("\(head) { \(parameters) in")
    indented(body)
    line("}")
  }
}

private func base64(_ bytes: [UInt8]) -> String {
  String(decoding: Base64.encode(bytes, padded: true), as: UTF8.self)
}
