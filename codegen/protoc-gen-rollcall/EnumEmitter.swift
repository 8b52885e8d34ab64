/// Emits an enum with its numbers and names.
struct EnumEmitter {
  let type: EnumType
  let visibility: GeneratorOptions.Visibility

  func emit(to writer: inout SourceWriter) {
    let access = visibility.modifier
    writer.gap()
    writer.doc(type.comment)
    writer.block("\(access)enum \(type.swiftName): ProtoEnum") { writer in
      for entry in type.cases {
        writer.doc(entry.comment)
        writer.line("case \(entry.swiftName)")
      }
      writer.line("/// A number that the schema does not name.")
      writer.line("case unrecognized(Int32)")
      for alias in type.aliases {
        guard let original = type.cases.first(where: { $0.number == alias.number }) else {
          continue
        }
        writer.gap()
        writer.doc(alias.comment)
        writer.line(
          "\(access)static var \(alias.swiftName): Self { .\(original.swiftName) }")
      }
      writer.gap()
      emitNames(access, to: &writer)
      writer.gap()
      writer.line("\(access)init() { self = .\(type.zero.swiftName) }")
      writer.gap()
      emitNumbers(access, to: &writer)
    }
  }

  private func emitNumbers(_ access: String, to writer: inout SourceWriter) {
    writer.block("\(access)init(rawValue: Int32)") { writer in
      writer.line("switch rawValue {")
      for entry in type.cases { writer.line("case \(entry.number): self = .\(entry.swiftName)") }
      writer.line("default: self = .unrecognized(rawValue)", "}")
    }
    writer.gap()
    writer.block("\(access)var rawValue: Int32") { writer in
      writer.line("switch self {")
      for entry in type.cases { writer.line("case .\(entry.swiftName): \(entry.number)") }
      writer.line("case .unrecognized(let number): number", "}")
    }
  }

  /// In the schema's order, so that the first name of a number is the one that is written.
  private func emitNames(_ access: String, to writer: inout SourceWriter) {
    writer.line("\(access)static let protoNames = ProtoEnumNames(")
    writer.indented { writer in
      writer.line("\"\(type.fullName)\",", "[")
      writer.indented { writer in
        for entry in type.cases + type.aliases {
          writer.line("(\(entry.number), \"\(entry.name)\"),")
        }
      }
      writer.line("])")
    }
  }
}
