import ProtoWire

/// Emits the global with a file's embedded descriptor.
struct DescriptorEmitter {
  let file: ProtoFile
  let visibility: GeneratorOptions.Visibility

  func emit(to writer: inout SourceWriter) {
    writer.gap()
    writer.line("/// The schema of `\(file.path)`, for reflection.")
    writer.line("\(visibility.modifier)let \(file.descriptorName) = FileDescriptor(")
    writer.indented { writer in
      writer.line("name: \"\(file.path)\",")
      writer.line(
        wrapping: "dependencies: [", file.dependencies.map(\.descriptorName), "],")
      writer.line("base64: \"\"\"")
      writer.indented { writer in
        var text = Substring(
          decoding: Base64.encode(file.descriptor, padded: true), as: UTF8.self)
        while !text.isEmpty {
          writer.line(String(text.prefix(92)))
          text = text.dropFirst(92)
        }
        writer.line("\"\"\")")
      }
    }
  }
}
