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
      emitInOrder("total &+= sizes", to: &writer, call: sizeCall)
      writer.line("return total")
    }
    writer.gap()
    writer.block("\(access)func write(to writer: inout WireWriter)") { writer in
      emitInOrder("writer", to: &writer, call: writeCall)
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

  /// Fields by number; neighbouring members of one oneof share a switch. A call is a method's name with its arguments.
  private func emitInOrder(
    _ prefix: String, to writer: inout SourceWriter,
    call: (Field) -> (method: String, arguments: (String) -> [String])
  ) {
    func emit(_ head: String, _ field: Field, _ value: String, to writer: inout SourceWriter) {
      let (method, arguments) = call(field)
      writer.line(wrapping: "\(head)\(prefix).\(method)(", arguments(value), ")")
    }
    let fields = type.fieldsByNumber
    var index = 0
    while index < fields.count {
      guard case .member(_, let oneof) = fields[index].shape else {
        emit("", fields[index], "self.\(fields[index].swiftName)", to: &writer)
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
        emit("case .\(field.swiftName)(let value)?: ", field, "value", to: &writer)
      }
      writer.line(members.count == oneof.fields.count ? "case nil: break" : "default: break", "}")
    }
  }

  private func sizeCall(_ field: Field) -> (method: String, arguments: (String) -> [String]) {
    (field.codecMethod, { field.codecs + [$0, "tagSize: \(field.tagSize)"] })
  }

  private func writeCall(_ field: Field) -> (method: String, arguments: (String) -> [String]) {
    (field.codecMethod, { field.codecs + [$0, "tag: \(field.tag)"] })
  }
}

extension Field {
  /// The method of the runtime's sizes and writer for fields of this shape.
  fileprivate var codecMethod: String {
    switch shape {
    case .implicit: "singular"
    case .explicit: "optional"
    case .member: "present"
    case .repeated(_, let packed): packed ? "packed" : "repeated"
    case .map: "map"
    }
  }

  /// The codecs as arguments: one, or a map's two.
  fileprivate var codecs: [String] {
    if case .map(let key, let value) = shape {
      return ["\(key.codec).self", "\(value.codec).self"]
    }
    return ["\(kind.codec).self"]
  }
}
