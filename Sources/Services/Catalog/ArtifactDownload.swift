internal import Domain
internal import ProtoWire
internal import RPCCore
internal import Store

/// Sends the bytes of an artifact: a header, then chunks, and the SHA-256 in the trailers. What
/// people and devices download alike.
struct ArtifactDownload {
  /// Bytes a message: what a stream buffers before it makes its writer wait.
  static let chunkSize = 64 << 10
  /// The trailing metadata with the SHA-256 of the whole artifact.
  static let digestKey = "rollcall-artifact-sha256"

  let version: ModelVersion
  let artifact: Artifact
  let offset: Int64

  /// Checks that the version has an artifact and that it reaches as far as `offset`. An archived
  /// version still downloads: whoever runs it may need it again.
  init(_ version: ModelVersion, offset: Int64) throws(ServiceError) {
    guard let artifact = version.artifact else {
      throw .precondition(
        .artifactMissing, .modelVersion, version.id.rawValue,
        "the model version \"\(version.name)\" has no artifact yet")
    }
    guard offset >= 0 else { throw .invalid(field: "offset", message: "\(offset) is below 0") }
    guard offset <= artifact.size else {
      throw .outOfRange(
        .offsetBeyondEnd, message: "offset \(offset) exceeds the artifact's \(artifact.size) bytes",
        metadata: ["offset": "\(offset)", "size": "\(artifact.size)"])
    }
    self.version = version
    self.artifact = artifact
    self.offset = offset
  }

  func send<Response: Message>(
    from files: ArtifactFiles, to responses: ResponseStream<Response>, _ context: ServerContext,
    header: Response, data: ([UInt8]) -> Response
  ) async throws {
    let reader = try await files.open(artifact)
    try context.trailingMetadata.set(artifact.digest.hex, for: Self.digestKey)
    try await responses.write(header)
    var position = offset
    while position < artifact.size {
      try context.checkCancellation()
      let chunk = try await reader.read(at: position, count: Self.chunkSize)
      guard !chunk.isEmpty else {
        throw ArtifactError.missing(digest: artifact.digest.hex)
      }
      try await responses.write(data(chunk))
      position += Int64(chunk.count)
    }
  }
}
