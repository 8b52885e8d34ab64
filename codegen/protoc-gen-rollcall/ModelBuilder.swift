import ProtoWire

/// From descriptors to the model: first every type gets its names, then fields are resolved to types,
/// then the layout decides which messages are boxed.
struct ModelBuilder {
  let options: GeneratorOptions
  private var files: [String: ProtoFile] = [:]
  private var messages: [String: MessageType] = [:]
  private var enums: [String: EnumType] = [:]

  init(options: GeneratorOptions) { self.options = options }

  /// The files to generate, in the order of the request.
  static func build(_ request: CodeGeneratorRequest, options: GeneratorOptions)
    throws(GeneratorError) -> [ProtoFile]
  {
    var builder = ModelBuilder(options: options)
    let wanted = Set(request.filesToGenerate)
    for bytes in request.protoFiles { try builder.add(bytes, wanted: wanted) }
    Layout.decideBoxes(of: Array(builder.messages.values))
    var result: [ProtoFile] = []
    for path in request.filesToGenerate {
      guard let file = builder.files[path] else { throw .unknownFile(path) }
      result.append(file)
    }
    return result
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
    if proto.syntax != "proto3" {
      // An imported proto2 file (descriptor.proto, for options) is fine as long as nothing of it is used.
      guard !wanted.contains(proto.name) || options.descriptorsOnly else {
        let syntax = proto.syntax.isEmpty ? "proto2" : proto.syntax
        throw .unsupportedSyntax(file: proto.name, syntax: syntax)
      }
    }
    var dependencies: [ProtoFile] = []
    for path in proto.dependency {
      guard let file = files[path] else { throw .unknownFile(path) }
      dependencies.append(file)
    }
    let comments = Comments(proto.sourceCodeInfo)
    let file = ProtoFile(
      path: proto.name, package: proto.package, module: options.module(ofFile: proto.name),
      descriptor: stripped.unknownFields.bytes, dependencies: dependencies,
      comment: comments.fileComment(isDeprecated: proto.options.deprecated))
    files[proto.name] = file
    var scope = FileScope(file: file, proto: proto, comments: comments)
    file.messages = proto.messageType.enumerated().compactMap { index, message in
      declare(message, at: [4, Int32(index)], in: scope, parent: nil)
    }
    file.enums = proto.enumType.enumerated().map { index, type in
      declare(type, at: [5, Int32(index)], in: scope, parent: nil)
    }
    guard proto.syntax == "proto3" else { return }
    for (index, message) in proto.messageType.enumerated() {
      try resolve(message, at: [4, Int32(index)], name: scope.qualified(message.name), in: &scope)
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
        let short = Naming.type(name)
        return (parent.fullName + "." + name, short, parent.swiftPath + "." + short)
      }
      let short = prefix.isEmpty ? Naming.type(name) : prefix + Naming.upperFirst(name)
      return (qualified(name), short, short)
    }
  }

  /// `nil` for the entry type of a map.
  private mutating func declare(
    _ proto: DescriptorProto, at path: [Int32], in scope: FileScope, parent: MessageType?
  ) -> MessageType? {
    guard !proto.options.mapEntry else { return nil }
    let names = scope.names(proto.name, parent: parent)
    let type = MessageType(
      fullName: names.full, swiftName: names.short, swiftPath: names.path,
      module: scope.file.module,
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
      fullName: names.full, swiftName: names.short, swiftPath: names.path,
      module: scope.file.module,
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
      let resolved = Field(
        name: field.name, jsonName: field.jsonName, number: Int(field.number),
        swiftName: Naming.property(field.name), shape: shape, comment: comment)
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
    var typeName = Naming.type(Naming.upperFirst(Naming.lowerCamel(proto.name)))
    let siblings = type.messages.map(\.swiftName) + type.enums.map(\.swiftName)
    if siblings.contains(typeName) || typeName.hasSuffix("_") || typeName == type.swiftName {
      typeName = Naming.upperFirst(Naming.lowerCamel(proto.name)) + "Oneof"
    }
    return Oneof(
      name: proto.name, swiftName: Naming.property(proto.name), typeName: typeName,
      comment: comment)
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
    case .message: return .message(try message(field.typeName, in: scope))
    case .enum:
      guard let type = enums[String(field.typeName.dropFirst())] else {
        throw .unknownType(file: scope.proto.name, name: field.typeName)
      }
      return .enumeration(type)
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
    return type
  }

  // MARK: Services

  private func resolve(_ proto: ServiceDescriptorProto, at path: [Int32], in scope: FileScope)
    throws(GeneratorError) -> ServiceType
  {
    var methods: [ServiceType.Method] = []
    for (index, method) in proto.method.enumerated() {
      let kind: ServiceType.Method.Kind =
        switch (method.clientStreaming, method.serverStreaming) {
        case (false, false): .unary
        case (false, true): .serverStreaming
        case (true, false): .clientStreaming
        case (true, true): .bidirectionalStreaming
        }
      methods.append(
        ServiceType.Method(
          name: method.name, swiftName: Naming.method(method.name),
          input: try message(method.inputType, in: scope),
          output: try message(method.outputType, in: scope), kind: kind,
          idempotency: ".\(method.options.idempotencyLevel)",
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
