/// Emits the JSON half of a message, inside its extension.
struct JSONEmitter {
  let type: MessageType
  let visibility: GeneratorOptions.Visibility

  func emit(to writer: inout SourceWriter) {}
}
