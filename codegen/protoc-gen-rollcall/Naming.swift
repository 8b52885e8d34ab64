/// From the schema's names to Swift's.
enum Naming {
  /// Words that need backticks as a member or case name.
  private static let keywords: Set<String> = [
    "as", "associatedtype", "break", "case", "catch", "class", "continue", "default", "defer",
    "deinit", "do", "else", "enum", "extension", "fallthrough", "false", "fileprivate", "for",
    "func", "guard", "if", "import", "in", "inout", "internal", "is", "let", "nil", "operator",
    "precedencegroup", "private", "protocol", "public", "repeat", "rethrows", "return", "static",
    "struct", "subscript", "super", "switch", "throw", "throws", "true", "try", "typealias", "var",
    "where", "while", "Any", "Protocol", "await",
  ]

  /// Members that the runtime puts on every message; a field of that name gets an underscore.
  static let messageMembers: Set<String> = [
    "self", "init", "unknownFields", "hashValue", "hash", "merge", "write", "byteSize",
    "serialized", "encode", "json", "writeJSON", "mergeJSON", "with", "box",
  ]

  /// Members of every oneof's enum.
  static let oneofMembers: Set<String> = ["self", "init", "hashValue", "hash"]

  /// Members of what a service gets: its methods, its server, its client.
  static let serviceMembers: Set<String> = [
    "self", "init", "all", "serviceName", "registration", "channel",
  ]

  /// What an option of methods cannot be called: `MethodOption.init` is how one is made.
  static let optionMembers: Set<String> = ["self", "init"]

  /// Members of every generated enum, and those of an `Optional` of it, which would be meant instead.
  private static let enumMembers: Set<String> = [
    "some", "none",
    "self", "init", "unrecognized", "rawValue", "protoName", "protoNames", "hashValue", "hash",
    "fullName",
    "allCases",
  ]

  /// Types that generated code names inside messages: a schema type of that name gets an underscore.
  private static let typeNames: Set<String> = [
    "Any", "Bool", "Double", "Float", "Int", "Int32", "Int64", "Protocol", "Self", "String", "Type",
    "UInt32", "UInt64", "UInt8", "Message", "ProtoEnum", "UnknownFields", "WireReader",
    "WireWriter", "WireSizes", "DecodingError", "CopyOnWrite", "ProtoEnumNames", "WireMessage",
    "BoxedFields",
    "FileDescriptor", "JSONFields", "JSONReader", "JSONWriter", "JSONDecodingError",
    "JSONEncodingError",
    "WireDouble", "WireFloat", "WireInt32", "WireInt64", "WireUInt32", "WireUInt64", "WireSInt32",
    "WireSInt64", "WireFixed32", "WireFixed64", "WireSFixed32", "WireSFixed64", "WireBool",
    "WireString", "WireBytes", "WireSubmessage", "WireEnum",
    "Hashable", "Sendable", "Optional", "Array", "Dictionary", "Int8", "Int16", "UInt", "UInt16",
  ]

  /// Types that the code of services names at the top level.
  private static let serviceTypeNames: Set<String> = [
    "AnyMethodDescriptor", "BidirectionalCall", "CallOptions", "ClientChannel",
    "ClientStreamingCall", "MethodDescriptor", "MethodOption", "RequestStream", "ResponseStream",
    "ServerContext", "ServerStreamingCall", "ServiceRegistration",
  ]

  static func upperFirst(_ text: String) -> String {
    text.prefix(1).uppercased() + text.dropFirst()
  }

  static func lowerFirst(_ text: String) -> String {
    text.prefix(1).lowercased() + text.dropFirst()
  }

  /// `git_commit`, `gitCommit`, `GIT_COMMIT` → `gitCommit`.
  static func lowerCamel(_ name: String) -> String {
    let isScreaming = !name.contains { $0.isLowercase }
    let words = name.split(separator: "_").map { isScreaming ? $0.lowercased() : String($0) }
    guard let first = words.first else { return "_" + name }
    let camel = lowerLeading(first) + words.dropFirst().map(upperFirst).joined()
    return camel.first?.isNumber == true ? "_" + camel : camel
  }

  /// `URLPath` → `urlPath`, `Name` → `name`.
  private static func lowerLeading(_ word: String) -> String {
    let capitals = word.prefix { $0.isUppercase }
    if capitals.count <= 1 || capitals.count == word.count {
      return capitals.lowercased() + word.dropFirst(capitals.count)
    }
    let lowered = capitals.dropLast()
    return lowered.lowercased() + word.dropFirst(lowered.count)
  }

  /// `google.rpc` → `Google_Rpc_`; the file option `swift_prefix` replaces it, even by nothing.
  static func typePrefix(package: String, swiftPrefix: String?) -> String {
    if let swiftPrefix { return swiftPrefix }
    return package.split(separator: ".").map { component in
      component.split(separator: "_").map { upperFirst(String($0)) }.joined() + "_"
    }.joined()
  }

  static func type(_ name: String) -> String {
    let camel =
      name.contains("_")
      ? name.split(separator: "_").map { upperFirst(String($0)) }.joined(separator: "_")
      : upperFirst(name)
    return typeNames.contains(camel) ? camel + "_" : camel
  }

  /// Whether a type of the top level may have that name as it stands.
  static func isFreeType(_ name: String) -> Bool {
    name.first?.isLetter == true && name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber) }
      && topLevelType(name) == name && !keywords.contains(name)
  }

  /// A type of the top level in a file without a prefix.
  static func topLevelType(_ name: String) -> String {
    let type = type(name)
    return serviceTypeNames.contains(type) ? type + "_" : type
  }

  /// Swift names for all cases of an enum: without the prefix that repeats the enum's name, unless that
  /// makes two of them equal or one begin with a digit.
  static func cases(_ names: [String], enumName: String) -> [String] {
    let prefix = screamingSnake(enumName) + "_"
    var result: [String] = []
    var scope = NameScope(reserved: enumMembers)
    for name in names {
      var short = name
      if name.uppercased().hasPrefix(prefix) {
        let rest = String(name.dropFirst(prefix.count))
        if let first = rest.first, !first.isNumber { short = rest }
      }
      let isFree = enumMembers.contains(lowerCamel(short)) || !scope.isTaken(lowerCamel(short))
      result.append(escaped(scope.claim(lowerCamel(isFree ? short : name), for: name)))
    }
    return result
  }

  private static func screamingSnake(_ name: String) -> String {
    var result = ""
    var previous: Character?
    for character in name {
      if character.isUppercase, let previous, !previous.isUppercase, previous != "_" {
        result += "_"
      }
      result += character.uppercased()
      previous = character
    }
    return result
  }

  static func escaped(_ name: String) -> String {
    keywords.contains(name) ? "`\(name)`" : name
  }
}
