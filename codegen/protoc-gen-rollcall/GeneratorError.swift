/// Why the plugin generates nothing; `protoc` prints the description.
enum GeneratorError: Error, CustomStringConvertible {
  case badRequest(String)
  case badOption(String)
  case unsupportedSyntax(file: String, syntax: String)
  case unsupportedField(file: String, field: String)
  case unknownType(file: String, name: String)
  case unsupportedType(file: String, name: String, declaredIn: String, syntax: String)
  case hiddenType(file: String, name: String, inside: String, alias: String)
  case unknownFile(String)
  case missingOption(file: String, method: String, option: String)
  case unusedShape(String)
  case sameShape(String)
  case unevenShape(
    file: String, shape: String, field: String, message: String, type: String, other: String,
    otherType: String)
  case sameName(file: String, name: String, other: String, swiftName: String)

  var description: String {
    switch self {
    case .badRequest(let reason):
      "the request is not a CodeGeneratorRequest: \(reason)"
    case .badOption(let option):
      "unknown option \"\(option)\"; known are Visibility=public|package|internal, "
        + "Module=PATH_PREFIX=SWIFT_MODULE, Descriptors=only, RequireMethodOption=FULL_NAME, "
        + "Shape=NAME:FIELD[:FIELD…] and Envelopes=on"
    case .unsupportedSyntax(let file, let syntax):
      "\(file): syntax \"\(syntax)\" is not supported; protoc-gen-rollcall generates proto3 only"
    case .unsupportedField(let file, let field):
      "\(file): field \(field) has a type that proto3 does not have"
    case .unknownType(let file, let name):
      "\(file): type \(name) is not in the request"
    case .unsupportedType(let file, let name, let other, let syntax):
      "\(file): type \(name) is declared in \(other), whose syntax \"\(syntax)\" is not supported"
    case .hiddenType(let file, let name, let inside, let alias):
      "\(file): \(inside) hides \(name) by a type of that name, and \(alias), its other name, is taken"
    case .unknownFile(let file):
      "\(file): to be generated, but not in the request"
    case .sameName(let file, let name, let other, let swiftName):
      "\(file): \(name) and \(other) would both be \(swiftName) in Swift; rename one, or give their "
        + "files different packages, options swift_prefix or modules"
    case .unusedShape(let name):
      "option Shape: no message has the fields of \(name)"
    case .sameShape(let name):
      "option Shape: there are two shapes \(name)"
    case .unevenShape(
      let file, let shape, let field, let message, let type, let other, let otherType):
      "\(file): field \(field) of \(message) is \(type) in Swift and of \(other) \(otherType), so the "
        + "two have no \(shape) in common; rename one"
    case .missingOption(let file, let method, let option):
      "\(file): method \(method) has no option (\(option)), which every method must have"
    }
  }
}
