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
    let comment: Comment
  }
}
