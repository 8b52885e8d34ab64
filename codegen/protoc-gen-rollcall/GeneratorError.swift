/// Why the plugin generates nothing; `protoc` prints the description.
enum GeneratorError: Error, CustomStringConvertible {
  case badRequest(String)
  case badOption(String)
  case unsupportedSyntax(file: String, syntax: String)
  case unsupportedField(file: String, field: String)
  case unknownType(file: String, name: String)
  case unknownFile(String)

  var description: String {
    switch self {
    case .badRequest(let reason):
      "the request is not a CodeGeneratorRequest: \(reason)"
    case .badOption(let option):
      "unknown option \"\(option)\"; known are Visibility=public|package|internal, "
        + "Module=PATH_PREFIX=SWIFT_MODULE and Descriptors=only"
    case .unsupportedSyntax(let file, let syntax):
      "\(file): syntax \"\(syntax)\" is not supported; protoc-gen-rollcall generates proto3 only"
    case .unsupportedField(let file, let field):
      "\(file): field \(field) has a type that proto3 does not have"
    case .unknownType(let file, let name):
      "\(file): type \(name) is not in the request"
    case .unknownFile(let file):
      "\(file): to be generated, but not in the request"
    }
  }
}
