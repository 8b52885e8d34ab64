/// Emits a message's proto3 JSON mapping: a table of names, `mergeJSON(from:)` and
/// `writeJSON(to:)`.
struct JSONEmitter {
  let type: MessageType
  let visibility: GeneratorOptions.Visibility

  /// Messages whose JSON form is not an object of their fields: the runtime writes and reads them
  /// by hand.
  static let handWritten: Set<String> = [
    "google.protobuf.Any", "google.protobuf.BoolValue", "google.protobuf.BytesValue",
    "google.protobuf.DoubleValue", "google.protobuf.Duration", "google.protobuf.FieldMask",
    "google.protobuf.FloatValue", "google.protobuf.Int32Value", "google.protobuf.Int64Value",
    "google.protobuf.ListValue", "google.protobuf.StringValue", "google.protobuf.Struct",
    "google.protobuf.Timestamp", "google.protobuf.UInt32Value", "google.protobuf.UInt64Value",
    "google.protobuf.Value",
  ]

  /// Writes the members that a `Message` needs for JSON into an extension of it; nothing for the
  /// hand-written ones.
  func emit(to writer: inout SourceWriter) {
    guard !Self.handWritten.contains(type.fullName) else { return }
    writer.gap()
    table(&writer)
    writer.gap()
    reader(&writer)
    writer.gap()
    self.writer(&writer)
  }

  /// In the order of numbers, as other implementations write JSON.
  private var fields: [Field] { type.fieldsByNumber }

  // MARK: The table

  private func table(_ writer: inout SourceWriter) {
    if fields.isEmpty {
      writer.line("private static let jsonFields = JSONFields(\"\(type.fullName)\", [])")
      return
    }
    writer.line("private static let jsonFields = JSONFields(")
    writer.indented { writer in
      writer.line("\"\(type.fullName)\",", "[")
      writer.indented { writer in
        for field in fields { writer.line(".init(\(arguments(field).joined(separator: ", "))),") }
      }
      writer.line("])")
    }
  }

  private func arguments(_ field: Field) -> [String] {
    var arguments = ["\(field.number)", Self.literal(field.jsonName)]
    if field.name != field.jsonName { arguments.append(Self.literal(field.name)) }
    if case .member(_, let oneof) = field.shape {
      let index = type.oneofs.firstIndex { $0 === oneof } ?? 0
      arguments.append("oneof: \(index)")
    }
    if takesNull(field) { arguments.append("takesNull: true") }
    return arguments
  }

  /// `null` is a value of these types, not the absence of the field.
  private func takesNull(_ field: Field) -> Bool {
    switch field.shape {
    case .repeated, .map: return false
    case .implicit(let kind), .explicit(let kind), .member(let kind, _):
      switch kind {
      case .message(let type, _): return type.fullName == "google.protobuf.Value"
      case .enumeration(let type, _): return type.fullName == "google.protobuf.NullValue"
      default: return false
      }
    }
  }

  // MARK: Reading

  private func reader(_ writer: inout SourceWriter) {
    writer.block(
      "\(visibility.modifier)mutating func mergeJSON(from reader: inout JSONReader) throws(JSONDecodingError)"
    ) { writer in
      writer.line("var object = try reader.beginObject()")
      if fields.isEmpty {
        writer.line("while try reader.nextField(&object, of: Self.jsonFields) != nil {}")
        return
      }
      if type.isBoxed { writer.line("try reader.charge(for: box)") }
      writer.block("while let field = try reader.nextField(&object, of: Self.jsonFields)") {
        writer in
        writer.line("switch field {")
        for field in fields { writer.line("case \(field.number): \(read(field))") }
        writer.line("default: break", "}")
      }
    }
  }

  private func read(_ field: Field) -> String {
    switch field.shape {
    case .implicit: "try reader.singular(&self.\(field.swiftName))"
    case .explicit: "try reader.optional(&self.\(field.swiftName))"
    case .repeated: "try reader.repeated(&self.\(field.swiftName))"
    case .map: "try reader.map(&self.\(field.swiftName))"
    case .member(let kind, let oneof):
      "if let value = try reader.value(\(kind.swiftType).self) "
        + "{ self.\(oneof.swiftName) = .\(field.swiftName)(value) }"
    }
  }

  // MARK: Writing

  private func writer(_ writer: inout SourceWriter) {
    writer.block(
      "\(visibility.modifier)func writeJSON(to writer: inout JSONWriter) throws(JSONEncodingError)"
    ) { writer in
      writer.line("try writer.beginObject()")
      var rest = fields[...]
      while let field = rest.first {
        guard case .member(_, let oneof) = field.shape else {
          writer.line(write(field, "self.\(field.swiftName)"))
          rest.removeFirst()
          continue
        }
        // Members whose numbers follow each other share a switch.
        let run = rest.prefix { member in
          if case .member(_, let other) = member.shape { other === oneof } else { false }
        }
        rest = rest[run.endIndex...]
        writer.line("switch self.\(oneof.swiftName) {")
        for member in run {
          writer.line("case .\(member.swiftName)(let value)?: \(write(member, "value"))")
        }
        writer.line(run.count == oneof.fields.count ? "case nil: break" : "default: break", "}")
      }
      writer.line("writer.endObject()")
    }
  }

  private func write(_ field: Field, _ value: String) -> String {
    let method =
      switch field.shape {
      case .implicit: "singular"
      case .explicit: "optional"
      case .member: "present"
      case .repeated: "repeated"
      case .map: "map"
      }
    let name = Self.literal(Self.escapedForJSON(field.jsonName))
    let proto = field.name == field.jsonName ? "" : ", proto: \(Self.literal(field.name))"
    return "try writer.\(method)(\(name), \(value)\(proto))"
  }

  // MARK: Text

  /// A Swift string literal.
  private static func literal(_ text: String) -> String {
    var literal = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"", "\\": literal += "\\\(scalar)"
      case _ where scalar.value < 0x20 || scalar.value == 0x7f:
        literal += "\\u{\(String(scalar.value, radix: 16))}"
      default: literal.unicodeScalars.append(scalar)
      }
    }
    return literal + "\""
  }

  /// The name between the quotes of a JSON string: `json_name` may be any text.
  private static func escapedForJSON(_ text: String) -> String {
    var escaped = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"", "\\": escaped += "\\\(scalar)"
      case "<", ">", "\u{7f}", "\u{2028}", "\u{2029}",
        _ where scalar.value < 0x20:
        let hex = String(scalar.value, radix: 16)
        escaped += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
      default: escaped.unicodeScalars.append(scalar)
      }
    }
    return escaped
  }
}
