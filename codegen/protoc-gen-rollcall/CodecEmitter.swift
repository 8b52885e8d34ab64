/// Emits merge, byteSize and write: one line a field, in the order of field numbers.
struct CodecEmitter {
  let type: MessageType
  let visibility: GeneratorOptions.Visibility

  func emit(_ access: String, to writer: inout SourceWriter) {
    writer.block(
      "\(access)mutating func merge(from reader: inout WireReader) throws(DecodingError)"
    ) { writer in
      writer.block("while !reader.atEnd") { writer in
        writer.line("let start = reader.mark")
        writer.line("switch try reader.tag() {")
        for field in type.fieldsByNumber { emitMerge(field, to: &writer) }
        writer.line(
          "case let tag: try reader.unknown(tag, from: start, into: &self.unknownFields)", "}")
      }
    }
    writer.gap()
    writer.block("\(access)func byteSize(_ sizes: inout WireSizes) -> Int") { writer in
      if type.fields.isEmpty {
        writer.line("self.unknownFields.byteCount")
        return
      }
      writer.line("var total = self.unknownFields.byteCount")
      emitInOrder(to: &writer, field: emitSize) { field, value in
        "total &+= \(field.tagSize) &+ \(sizeCall(field.kind, value))"
      }
      writer.line("return total")
    }
    writer.gap()
    writer.block("\(access)func write(to writer: inout WireWriter)") { writer in
      emitInOrder(to: &writer, field: emitWrite) { field, value in
        "writer.tag(\(field.tag)); writer.\(field.kind.method)(\(value))"
      }
      writer.line("writer.unknown(self.unknownFields)")
    }
  }

  // MARK: Merge

  private func emitMerge(_ field: Field, to writer: inout SourceWriter) {
    let name = "self.\(field.swiftName)"
    switch field.shape {
    case .implicit(let kind), .explicit(let kind):
      if case .message = kind {
        writer.line("case \(field.tag): try reader.message(&\(name))")
      } else {
        writer.line("case \(field.tag): \(name) = try reader.\(kind.method)()")
      }
    case .repeated(let kind, _) where kind.isPackable:
      let unpacked = UInt32(field.number) << 3 | kind.wireType
      let packed = UInt32(field.number) << 3 | 2
      writer.line("case \(packed): try reader.appendPacked(\(kind.codec).self, to: &\(name))")
      writer.line("case \(unpacked): try reader.appendUnpacked(\(kind.codec).self, to: &\(name))")
    case .repeated(let kind, _):
      emitCall(
        field, "reader.append", ["\(kind.codec).self", "to: &\(name)", "tag: \(field.tag)"],
        to: &writer)
    case .map(let key, let value):
      emitCall(
        field, "reader.mapEntry",
        ["\(key.codec).self", "\(value.codec).self", "into: &\(name)", "tag: \(field.tag)"],
        to: &writer)
    case .member(let kind, let oneof):
      let owner = "self.\(oneof.swiftName)"
      guard case .message(_, let typeName) = kind else {
        writer.line(
          "case \(field.tag): \(owner) = .\(field.swiftName)(try reader.\(kind.method)())")
        return
      }
      writer.line("case \(field.tag):")
      writer.indented { writer in
        writer.line("var value = \(typeName)()")
        writer.line("if case .\(field.swiftName)(let current)? = \(owner) { value = current }")
        writer.line("\(owner) = nil")
        writer.line("try reader.message(&value)")
        writer.line("\(owner) = .\(field.swiftName)(value)")
      }
    }
  }

  private func emitCall(
    _ field: Field, _ function: String, _ arguments: [String], to writer: inout SourceWriter
  ) {
    writer.line(
      wrapping: "case \(field.tag): try \(function)(", arguments, ")")
  }

  // MARK: Sizes and writes

  /// Fields by number; neighbouring members of one oneof share a switch.
  private func emitInOrder(
    to writer: inout SourceWriter, field emitField: (Field, inout SourceWriter) -> Void,
    member: (Field, String) -> String
  ) {
    let fields = type.fieldsByNumber
    var index = 0
    while index < fields.count {
      guard case .member(_, let oneof) = fields[index].shape else {
        emitField(fields[index], &writer)
        index += 1
        continue
      }
      var members: [Field] = []
      while index < fields.count, case .member(_, let same) = fields[index].shape, same === oneof {
        members.append(fields[index])
        index += 1
      }
      writer.line("switch self.\(oneof.swiftName) {")
      for field in members {
        let body = member(field, "value")
        let binding = body.contains("value") ? "(let value)" : ""
        writer.line("case .\(field.swiftName)\(binding)?:")
        writer.indented { writer in
          for statement in body.split(separator: "; ") {
            writer.line(String(statement))
          }
        }
      }
      writer.line(members.count == oneof.fields.count ? "case nil: break" : "default: break", "}")
    }
  }

  private func sizeCall(_ kind: Field.Kind, _ value: String) -> String {
    switch kind {
    case .double, .fixed64, .sfixed64: "8"
    case .float, .fixed32, .sfixed32: "4"
    case .bool: "1"
    case .int32: "int32Size(\(value))"
    case .int64: "varintSize(UInt64(bitPattern: \(value)))"
    case .uint32: "varintSize(UInt64(\(value)))"
    case .uint64: "varintSize(\(value))"
    case .sint32: "varintSize(UInt64(zigzag(\(value))))"
    case .sint64: "varintSize(zigzag(\(value)))"
    case .string: "delimitedSize(\(value).utf8.count)"
    case .bytes: "delimitedSize(\(value).count)"
    case .enumeration: "int32Size(\(value).rawValue)"
    case .message: "sizes.nested(\(value))"
    }
  }

  private func emitSize(_ field: Field, to writer: inout SourceWriter) {
    let name = "self.\(field.swiftName)"
    let tagSize = field.tagSize
    switch field.shape {
    case .implicit(let kind):
      let size = "total &+= \(tagSize) &+ \(sizeCall(kind, name))"
      writer.line("if \(kind.isWritten(name)) { \(size) }")
    case .explicit(let kind):
      let call = sizeCall(kind, "value")
      let condition = call.contains("value") ? "if let value = \(name)" : "if \(name) != nil"
      writer.line("\(condition) { total &+= \(tagSize) &+ \(call) }")
    case .repeated(let kind, let packed):
      writer.line(
        wrapping: "total &+= sizes.\(packed ? "packed" : "repeated")(",
        ["\(kind.codec).self", name, "tagSize: \(tagSize)"], ")")
    case .map(let key, let value):
      writer.line(
        wrapping: "total &+= sizes.map(",
        ["\(key.codec).self", "\(value.codec).self", name, "tagSize: \(tagSize)"], ")")
    case .member: break
    }
  }

  private func emitWrite(_ field: Field, to writer: inout SourceWriter) {
    let name = "self.\(field.swiftName)"
    switch field.shape {
    case .implicit(let kind):
      writer.block("if \(kind.isWritten(name))") { writer in
        writer.line("writer.tag(\(field.tag))", "writer.\(kind.method)(\(name))")
      }
    case .explicit(let kind):
      writer.block("if let value = \(name)") { writer in
        writer.line("writer.tag(\(field.tag))", "writer.\(kind.method)(value)")
      }
    case .repeated(let kind, let packed):
      writer.line(
        wrapping: "writer.\(packed ? "packed" : "repeated")(",
        ["\(kind.codec).self", name, "tag: \(field.tag)"], ")")
    case .map(let key, let value):
      writer.line(
        wrapping: "writer.map(",
        ["\(key.codec).self", "\(value.codec).self", name, "tag: \(field.tag)"], ")")
    case .member: break
    }
  }
}
