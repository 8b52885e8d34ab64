import ProtoWire

/// From descriptors to the model: first every type gets its names, then fields are resolved to types,
/// then the layout decides which messages are boxed.
struct ModelBuilder {
  let options: GeneratorOptions
  private var files: [String: ProtoFile] = [:]
  private var messages: [String: MessageType] = [:]
  private var enums: [String: EnumType] = [:]
  /// The names of the top level of the module that is generated.
  private var topLevel = NameScope()
  /// Field numbers of the extensions of `google.protobuf.MethodOptions`, by full name.
  private var methodOptions: [String: Int32] = [:]
  /// The names of the generated module's options of methods, by the codec in whose extension they stand.
  private var optionNames: [String: NameScope] = [:]

  init(options: GeneratorOptions) { self.options = options }

  /// The files to generate, in the order of the request, and the shapes that their messages have.
  static func build(_ request: CodeGeneratorRequest, options: GeneratorOptions)
    throws(GeneratorError) -> (files: [ProtoFile], shapes: [Shape])
  {
    var builder = ModelBuilder(options: options)
    let wanted = Set(request.filesToGenerate)
    for bytes in request.protoFiles { try builder.add(bytes, wanted: wanted) }
    Layout.decideBoxes(of: Array(builder.messages.values))
    var result: [ProtoFile] = []
    for path in request.filesToGenerate {
      guard let file = builder.files[path] else { throw .unknownFile(path) }
      try builder.checkAliases(of: file)
      result.append(file)
    }
    let shapes = try Shape.find(options, in: result)
    for shape in shapes {
      if let other = builder.topLevel.conflict(shape.name, for: "the shape \(shape.name)") {
        throw .sameName(
          file: shape.file, name: "the shape", other: other, swiftName: shape.name)
      }
    }
    return (result, shapes)
  }

  private mutating func add(_ bytes: [UInt8], wanted: Set<String>) throws(GeneratorError) {
    let proto: FileDescriptorProto
    let stripped: WithoutSourceInfo
    do throws(DecodingError) {
      // The compiler is no stranger: a large schema may be as sparse as it likes.
      let trusting = DecodingOptions(minimumAllocationBudget: Int.max)
      proto = try FileDescriptorProto(wire: bytes, options: trusting)
      stripped = try WithoutSourceInfo(wire: bytes)
    } catch {
      throw .badRequest(error.description)
    }
    let syntax = proto.syntax.isEmpty ? "proto2" : proto.syntax
    let isGenerated = wanted.contains(proto.name) && !options.descriptorsOnly
    // An imported proto2 file (descriptor.proto, for options) is fine as long as no field is of its types.
    if syntax != "proto3", isGenerated {
      throw .unsupportedSyntax(file: proto.name, syntax: syntax)
    }
    var dependencies: [ProtoFile] = []
    for path in proto.dependency {
      guard let file = files[path] else { throw .unknownFile(path) }
      dependencies.append(file)
    }
    let comments = Comments(proto.sourceCodeInfo)
    let file = ProtoFile(
      path: proto.name, syntax: syntax, package: proto.package,
      module: options.module(ofFile: proto.name),
      descriptor: stripped.unknownFields.bytes, dependencies: dependencies,
      comment: comments.fileComment(isDeprecated: proto.options.deprecated))
    files[proto.name] = file
    var scope = FileScope(
      file: file, proto: proto, comments: comments, isGenerated: isGenerated)
    file.messages = proto.messageType.enumerated().compactMap { index, message in
      declare(message, at: [4, Int32(index)], in: scope, parent: nil)
    }
    file.enums = proto.enumType.enumerated().map { index, type in
      declare(type, at: [5, Int32(index)], in: scope, parent: nil)
    }
    if file.module == nil { try claimTopLevel(of: file, proto, prefix: scope.prefix) }
    for option in proto.extension where option.extendee == Self.methodOptionsName {
      methodOptions[scope.qualified(option.name)] = option.number
    }
    guard syntax == "proto3" else { return }
    for (index, message) in proto.messageType.enumerated() {
      try resolve(message, at: [4, Int32(index)], name: scope.qualified(message.name), in: &scope)
    }
    for (index, option) in proto.extension.enumerated()
    where option.extendee == Self.methodOptionsName && option.label != .repeated {
      let kind = try self.kind(of: option, in: scope)
      file.methodOptions.append(
        MethodOptionType(
          name: option.name, swiftName: try claimOption(option.name, kind, in: scope),
          number: option.number, kind: kind,
          comment: scope.comments.comment([7, Int32(index)])))
    }
    for (index, service) in proto.service.enumerated() {
      file.services.append(try resolve(service, at: [6, Int32(index)], in: scope))
    }
  }

  // MARK: Names

  private struct FileScope {
    let file: ProtoFile
    let proto: FileDescriptorProto
    let comments: Comments
    let isGenerated: Bool
    /// The message whose fields are being resolved, and those around it, from the outermost on.
    var enclosing: [MessageType] = []
    var prefix: String {
      Naming.typePrefix(package: proto.package, swiftPrefix: proto.options.swiftPrefix)
    }

    func qualified(_ name: String) -> String {
      proto.package.isEmpty ? name : proto.package + "." + name
    }

    /// The full name, short and whole Swift name of a declaration.
    func names(_ name: String, parent: MessageType?) -> (full: String, short: String, path: String)
    {
      if let parent {
        let full = parent.fullName + "." + name
        let short = parent.scope.claim(Naming.type(name), for: full)
        return (full, short, parent.swiftPath + "." + short)
      }
      let short = prefix.isEmpty ? Naming.topLevelType(name) : prefix + Naming.upperFirst(name)
      return (qualified(name), short, short)
    }
  }

  /// Options of one type stand side by side, whatever their files and packages: two names that become one are an error.
  private mutating func claimOption(
    _ name: String, _ kind: Field.Kind, in scope: FileScope
  ) throws(GeneratorError) -> String {
    var swiftName = Naming.lowerCamel(name)
    if Naming.optionMembers.contains(swiftName) { swiftName += "_" }
    let owner = scope.qualified(name)
    if scope.file.module == nil,
      let other = optionNames[kind.codec, default: NameScope()].conflict(swiftName, for: owner)
    {
      throw .sameName(file: scope.file.path, name: owner, other: other, swiftName: swiftName)
    }
    return Naming.escaped(swiftName)
  }

  /// At the top level two names that become one are an error: files are generated in any company and
  /// order, and a name must not depend on it.
  private mutating func claimTopLevel(
    of file: ProtoFile, _ proto: FileDescriptorProto, prefix: String
  ) throws(GeneratorError) {
    var names = file.messages.map { ($0.swiftName, $0.fullName) }
    names += file.enums.map { ($0.swiftName, $0.fullName) }
    let package = proto.package.isEmpty ? "" : proto.package + "."
    for service in proto.service {
      for suffix in ["Methods", "Server", "Client"] {
        names.append((prefix + service.name + suffix, package + service.name))
      }
    }
    names.append((file.descriptorName, file.path))
    for (name, owner) in names {
      if let other = topLevel.conflict(name, for: owner) {
        throw .sameName(file: file.path, name: owner, other: other, swiftName: name)
      }
    }
  }

  /// `nil` for the entry type of a map.
  private mutating func declare(
    _ proto: DescriptorProto, at path: [Int32], in scope: FileScope, parent: MessageType?
  ) -> MessageType? {
    guard !proto.options.mapEntry else { return nil }
    let names = scope.names(proto.name, parent: parent)
    let type = MessageType(
      fullName: names.full, swiftName: names.short, swiftPath: names.path, file: scope.file,
      comment: scope.comments.comment(path, isDeprecated: proto.options.deprecated))
    messages[names.full] = type
    type.messages = proto.nestedType.enumerated().compactMap { index, nested in
      declare(nested, at: path + [3, Int32(index)], in: scope, parent: type)
    }
    type.enums = proto.enumType.enumerated().map { index, nested in
      declare(nested, at: path + [4, Int32(index)], in: scope, parent: type)
    }
    return type
  }

  private mutating func declare(
    _ proto: EnumDescriptorProto, at path: [Int32], in scope: FileScope, parent: MessageType?
  ) -> EnumType {
    let names = scope.names(proto.name, parent: parent)
    let type = EnumType(
      fullName: names.full, swiftName: names.short, swiftPath: names.path, file: scope.file,
      comment: scope.comments.comment(path, isDeprecated: proto.options.deprecated))
    enums[names.full] = type
    let swiftNames = Naming.cases(proto.value.map(\.name), enumName: proto.name)
    var seen: Set<Int32> = []
    for (index, value) in proto.value.enumerated() {
      let entry = EnumType.Case(
        name: value.name, number: value.number, swiftName: swiftNames[index],
        comment: scope.comments.comment(
          path + [2, Int32(index)], isDeprecated: value.options.deprecated))
      if seen.insert(value.number).inserted {
        type.cases.append(entry)
      } else {
        type.aliases.append(entry)
      }
    }
    return type
  }

  // MARK: Fields

  private func resolve(
    _ proto: DescriptorProto, at path: [Int32], name: String, in scope: inout FileScope
  ) throws(GeneratorError) {
    guard let type = messages[name] else { return }  // a map's entry
    scope.enclosing.append(type)
    defer { scope.enclosing.removeLast() }
    var entries: [String: DescriptorProto] = [:]
    for nested in proto.nestedType where nested.options.mapEntry {
      entries[name + "." + nested.name] = nested
    }
    var oneofs: [Oneof?] = []
    for (index, oneof) in proto.oneofDecl.enumerated() {
      let members = proto.field.filter { $0.oneofIndex == Int32(index) }
      let isSynthetic = members.allSatisfy(\.proto3Optional)
      oneofs.append(
        isSynthetic
          ? nil : resolve(oneof, in: type, scope.comments.comment(path + [8, Int32(index)])))
    }
    type.oneofs = oneofs.compactMap { $0 }
    for (index, field) in proto.field.enumerated() {
      let comment = scope.comments.comment(
        path + [2, Int32(index)], isDeprecated: field.options.deprecated)
      let shape = try shape(of: field, entries: entries, oneofs: oneofs, in: scope)
      let camel = Naming.lowerCamel(field.name)
      let swiftName: String
      if case .member(_, let oneof) = shape {
        swiftName = oneof.cases.claim(camel, for: field.name)
      } else {
        swiftName = type.scope.claim(camel, for: field.name)
      }
      let resolved = Field(
        name: field.name, jsonName: field.jsonName, number: Int(field.number),
        swiftName: Naming.escaped(swiftName), shape: shape, comment: comment)
      type.fields.append(resolved)
      if case .member(_, let oneof) = shape { oneof.fields.append(resolved) }
    }
    for (index, nested) in proto.nestedType.enumerated() {
      try resolve(
        nested, at: path + [3, Int32(index)], name: name + "." + nested.name, in: &scope)
    }
  }

  private func resolve(_ proto: OneofDescriptorProto, in type: MessageType, _ comment: Comment)
    -> Oneof
  {
    let camel = Naming.lowerCamel(proto.name)
    var typeName = Naming.type(Naming.upperFirst(camel))
    if type.scope.isTaken(typeName) || typeName.hasSuffix("_") || typeName == type.swiftName {
      typeName = Naming.upperFirst(camel) + "Oneof"
    }
    return Oneof(
      name: proto.name, swiftName: Naming.escaped(type.scope.claim(camel, for: proto.name)),
      typeName: type.scope.claim(typeName, for: proto.name), comment: comment)
  }

  private func shape(
    of field: FieldDescriptorProto, entries: [String: DescriptorProto], oneofs: [Oneof?],
    in scope: FileScope
  ) throws(GeneratorError) -> Field.Shape {
    if let entry = entries[String(field.typeName.dropFirst())], entry.field.count == 2 {
      return .map(
        key: try kind(of: entry.field[0], in: scope), value: try kind(of: entry.field[1], in: scope)
      )
    }
    let kind = try kind(of: field, in: scope)
    if field.label == .repeated {
      return .repeated(kind, packed: kind.isPackable && field.options.packed != false)
    }
    if let index = field.oneofIndex, oneofs.indices.contains(Int(index)),
      let oneof = oneofs[Int(index)]
    {
      return .member(kind, oneof)
    }
    if case .message = kind { return .explicit(kind) }
    return field.proto3Optional ? .explicit(kind) : .implicit(kind)
  }

  private func kind(of field: FieldDescriptorProto, in scope: FileScope) throws(GeneratorError)
    -> Field.Kind
  {
    switch field.type {
    case .double: return .double
    case .float: return .float
    case .int64: return .int64
    case .uint64: return .uint64
    case .int32: return .int32
    case .fixed64: return .fixed64
    case .fixed32: return .fixed32
    case .bool: return .bool
    case .string: return .string
    case .bytes: return .bytes
    case .uint32: return .uint32
    case .sfixed32: return .sfixed32
    case .sfixed64: return .sfixed64
    case .sint32: return .sint32
    case .sint64: return .sint64
    case .message:
      let type = try message(field.typeName, in: scope)
      return .message(type, name: name(of: type.swiftPath, in: scope))
    case .enum:
      guard let type = enums[String(field.typeName.dropFirst())] else {
        throw .unknownType(file: scope.proto.name, name: field.typeName)
      }
      try check(type.file, of: type.fullName, in: scope)
      return .enumeration(type, name: name(of: type.swiftPath, in: scope))
    case .group, nil:
      throw .unsupportedField(file: scope.proto.name, field: field.name)
    }
  }

  private func message(_ typeName: String, in scope: FileScope) throws(GeneratorError)
    -> MessageType
  {
    guard let type = messages[String(typeName.dropFirst())] else {
      throw .unknownType(file: scope.proto.name, name: typeName)
    }
    try check(type.file, of: type.fullName, in: scope)
    return type
  }

  /// An alias must not be the name of another type.
  private func checkAliases(of file: ProtoFile) throws(GeneratorError) {
    for message in file.messages {
      for alias in message.aliases where topLevel.isTaken(alias.name) {
        throw .hiddenType(
          file: file.path, name: alias.target, inside: message.swiftName, alias: alias.name)
      }
    }
  }

  /// Nothing is generated for a type of another syntax, so nothing may name it.
  private func check(_ file: ProtoFile, of name: String, in scope: FileScope)
    throws(GeneratorError)
  {
    guard scope.isGenerated, file.syntax != "proto3" else { return }
    throw .unsupportedType(
      file: scope.proto.name, name: name, declaredIn: file.path, syntax: file.syntax)
  }

  /// How a type is written inside a message, where a nested type or a oneof's enum may hide the outer
  /// one of its name: without the message's own path, or by an alias at the top level.
  private func name(of path: String, in scope: FileScope) -> String {
    guard let message = scope.enclosing.last, let outermost = scope.enclosing.first,
      let first = path.split(separator: ".").first,
      scope.enclosing.contains(where: { $0.declares(first) })
    else { return path }
    if path.hasPrefix(message.swiftPath + ".") {
      return String(path.dropFirst(message.swiftPath.count + 1))
    }
    let alias = outermost.swiftName + "_" + path.split(separator: ".").joined(separator: "_")
    if !outermost.aliases.contains(where: { $0.name == alias }) {
      outermost.aliases.append((alias, path))
    }
    return alias
  }

  // MARK: Services

  private static let methodOptionsName = ".google.protobuf.MethodOptions"

  /// Every method of a service that is generated has the option that must be there.
  private func checkOptions(of method: MethodDescriptorProto, in scope: FileScope)
    throws(GeneratorError)
  {
    guard scope.isGenerated, let required = options.requiredMethodOption else { return }
    do throws(DecodingError) {
      if let number = methodOptions[required], try method.options.hasCustom(number) { return }
    } catch {
      throw .badRequest(error.description)
    }
    throw .missingOption(file: scope.proto.name, method: method.name, option: required)
  }

  private func resolve(_ proto: ServiceDescriptorProto, at path: [Int32], in scope: FileScope)
    throws(GeneratorError) -> ServiceType
  {
    var methods: [ServiceType.Method] = []
    var names = NameScope(reserved: Naming.serviceMembers)
    for (index, method) in proto.method.enumerated() {
      try checkOptions(of: method, in: scope)
      let kind: ServiceType.Method.Kind =
        switch (method.clientStreaming, method.serverStreaming) {
        case (false, false): .unary
        case (false, true): .serverStreaming
        case (true, false): .clientStreaming
        case (true, true): .bidirectionalStreaming
        }
      methods.append(
        ServiceType.Method(
          name: method.name,
          swiftName: Naming.escaped(
            names.claim(Naming.lowerCamel(method.name), for: method.name)),
          input: try message(method.inputType, in: scope),
          output: try message(method.outputType, in: scope), kind: kind,
          idempotency: ".\(method.options.idempotencyLevel)",
          options: method.options.custom.bytes,
          comment: scope.comments.comment(
            path + [2, Int32(index)], isDeprecated: method.options.deprecated)))
    }
    return ServiceType(
      fullName: scope.qualified(proto.name), swiftName: scope.prefix + proto.name,
      comment: scope.comments.comment(path, isDeprecated: proto.options.deprecated),
      methods: methods)
  }
}

/// The comments of a file by the path of their declaration.
private struct Comments {
  private var locations: [[Int32]: SourceCodeInfo.Location] = [:]

  init(_ info: SourceCodeInfo) {
    for location in info.location where locations[location.path] == nil {
      locations[location.path] = location
    }
  }

  func comment(_ path: [Int32], isDeprecated: Bool = false) -> Comment {
    Comment(locations[path], isDeprecated: isDeprecated)
  }

  /// What stands above `syntax`, or above `package`.
  func fileComment(isDeprecated: Bool) -> Comment {
    let syntax = comment([12], isDeprecated: isDeprecated)
    return syntax.lines.isEmpty ? comment([2], isDeprecated: isDeprecated) : syntax
  }
}

/// A `FileDescriptorProto` as bytes, all but field 9 (source info): everything is an unknown field here,
/// so that custom options survive exactly as the compiler wrote them.
private struct WithoutSourceInfo: WireDecodable {
  var unknownFields = UnknownFields()

  mutating func merge(from reader: inout WireReader) throws(DecodingError) {
    while !reader.atEnd {
      let start = reader.mark
      switch try reader.tag() {
      case 74: try reader.skip(74)
      case let tag: try reader.unknown(tag, from: start, into: &unknownFields)
      }
    }
  }
}
