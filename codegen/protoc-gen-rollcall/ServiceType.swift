/// A service of the schema.
struct ServiceType {
  /// `rollcall.v1.CatalogService`.
  let fullName: String
  /// The base of the Swift names: `CatalogService`, with the package's prefix.
  let swiftName: String
  let comment: Comment
  var methods: [Method]

  struct Method {
    enum Kind: String {
      case unary, clientStreaming, serverStreaming, bidirectionalStreaming
    }

    let name: String
    let swiftName: String
    let input: MessageType
    let output: MessageType
    let kind: Kind
    /// `.noSideEffects`, `.idempotent` or `.unknown`.
    let idempotency: String
    /// The custom options' fields of its `google.protobuf.MethodOptions`.
    let options: [UInt8]
    let comment: Comment
  }
}

/// An option that a file adds to methods.
struct MethodOptionType {
  let name: String
  let swiftName: String
  let number: Int32
  let kind: Field.Kind
  let comment: Comment
}
