/// Emits a message: its properties, nested types and codec.
struct MessageEmitter {
  let type: MessageType
  let visibility: GeneratorOptions.Visibility
  private var access: String { visibility.modifier }

  init(type: MessageType, visibility: GeneratorOptions.Visibility) {
    self.type = type
    self.visibility = visibility
  }

  /// The declaration with everything nested in it.
  func emit(to writer: inout SourceWriter) {
    writer.gap()
    writer.doc(type.comment)
    let protocols = ["Message"] + type.shapes
    writer.block("\(access)struct \(type.swiftName): \(protocols.joined(separator: ", "))") {
      writer in
      if type.isBoxed { emitBoxedProperties(to: &writer) } else { emitProperties(to: &writer) }
      writer.gap()
      writer.line("\(access)init() {}")
      for oneof in type.oneofs { emit(oneof, to: &writer) }
      for nested in type.enums {
        EnumEmitter(type: nested, visibility: visibility).emit(to: &writer)
      }
      for nested in type.messages {
        MessageEmitter(type: nested, visibility: visibility).emit(to: &writer)
      }
    }
  }

  /// The codec extensions of this message and of those nested in it.
  func emitCodecs(to writer: inout SourceWriter) {
    writer.gap()
    let codec = CodecEmitter(type: type, visibility: visibility)
    writer.block("extension \(type.swiftPath)") { writer in
      writer.line("\(access)static var fullName: String { \"\(type.fullName)\" }")
      writer.gap()
      emitContent(to: &writer)
      if type.isBoxed { emitForwarding(to: &writer) } else { codec.emit(access, to: &writer) }
      JSONEmitter(type: type, visibility: visibility).emit(to: &writer)
    }
    if type.isBoxed {
      writer.gap()
      writer.block("extension \(type.swiftPath).BoxedFields") { codec.emit("", to: &$0) }
    }
    for nested in type.messages {
      MessageEmitter(type: nested, visibility: visibility).emitCodecs(to: &writer)
    }
  }

  // MARK: Properties

  /// Name, type and default of every stored property: fields and oneofs in schema order.
  private var properties: [(name: String, type: String, initial: String?, comment: Comment)] {
    var result: [(String, String, String?, Comment)] = []
    var placed: Set<String> = []
    for field in type.fields {
      switch field.shape {
      case .implicit(let kind):
        result.append((field.swiftName, field.swiftType, kind.defaultLiteral, field.comment))
      case .explicit:
        result.append((field.swiftName, field.swiftType, nil, field.comment))
      case .repeated:
        result.append((field.swiftName, field.swiftType, "[]", field.comment))
      case .map:
        result.append((field.swiftName, field.swiftType, "[:]", field.comment))
      case .member(_, let oneof):
        guard placed.insert(oneof.name).inserted else { continue }
        result.append((oneof.swiftName, oneof.typeName + "?", nil, oneof.comment))
      }
    }
    return result
  }

  private func emitProperties(to writer: inout SourceWriter) {
    for property in properties {
      writer.doc(property.comment)
      let initial = property.initial.map { " = \($0)" } ?? ""
      writer.line("\(access)var \(property.name): \(property.type)\(initial)")
    }
    writer.line("\(access)var unknownFields = UnknownFields()")
  }

  /// The same properties over a box, and the struct that lives in it.
  private func emitBoxedProperties(to writer: inout SourceWriter) {
    let unknown = (
      name: "unknownFields", type: "UnknownFields", initial: "UnknownFields()" as String?,
      comment: Comment(nil, isDeprecated: false)
    )
    writer.line("private var box = CopyOnWrite<BoxedFields>()")
    for property in properties + [unknown] {
      writer.gap()
      writer.doc(property.comment)
      writer.block("\(access)var \(property.name): \(property.type)") { writer in
        let initial = property.initial ?? "nil"
        writer.line("get { box.isAllocated ? box.value.\(property.name) : \(initial) }")
        writer.line("_modify { yield &box.value.\(property.name) }")
      }
    }
    writer.gap()
    writer.block("fileprivate struct BoxedFields: WireMessage") { writer in
      for property in properties + [unknown] {
        let initial = property.initial.map { " = \($0)" } ?? ""
        writer.line("var \(property.name): \(property.type)\(initial)")
      }
    }
  }

  /// The name for its content that an envelope shares with others.
  private func emitContent(to writer: inout SourceWriter) {
    guard let (name, field) = type.content, name != field.swiftName else { return }
    writer.block("\(access)var \(name): \(field.swiftType)") { writer in
      writer.line("get { self.\(field.swiftName) }", "_modify { yield &self.\(field.swiftName) }")
    }
    writer.gap()
  }

  private func emitForwarding(to writer: inout SourceWriter) {
    writer.block(
      "\(access)mutating func merge(from reader: inout WireReader) throws(DecodingError)"
    ) { writer in
      writer.line("try box.merge(from: &reader)")
    }
    writer.gap()
    writer.block("\(access)func byteSize(_ sizes: inout WireSizes) -> Int") { writer in
      writer.line("box.byteSize(&sizes)")
    }
    writer.gap()
    writer.block("\(access)func write(to writer: inout WireWriter)") { writer in
      writer.line("box.write(to: &writer)")
    }
  }

  private func emit(_ oneof: Oneof, to writer: inout SourceWriter) {
    writer.gap()
    writer.doc(oneof.comment)
    writer.block("\(access)enum \(oneof.typeName): Hashable, Sendable") { writer in
      for field in oneof.fields {
        writer.doc(field.comment)
        writer.line("case \(field.swiftName)(\(field.kind.swiftType))")
      }
    }
  }
}
