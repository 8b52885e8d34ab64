internal import API
internal import Domain
internal import ProtoWire

extension API.ModelVersion {
  init(_ version: Domain.ModelVersion) {
    self.init()
    id = version.id.rawValue
    variantId = version.variant.rawValue
    modelId = version.model.rawValue
    name = version.name
    description = version.description
    labels = version.labels.values
    state = State(rawValue: version.state.rawValue)
    artifact = version.artifact.map { API.Artifact($0) }
    createdBy = version.createdBy.rawValue
    createdAt = Google_Protobuf_Timestamp(version.createdAt)
    updatedAt = Google_Protobuf_Timestamp(version.updatedAt)
    etag = Etag.text(version.revision)
  }
}

extension API.Artifact {
  init(_ artifact: Domain.Artifact) {
    self.init()
    sha256 = artifact.digest.hex
    sizeBytes = artifact.size
    mediaType = artifact.mediaType
  }
}

extension Domain.Artifact {
  /// What an upload announces: all of it is required but the media type.
  init(_ announced: API.Artifact?, field: String) throws {
    let announced = announced ?? API.Artifact()
    guard announced.sizeBytes >= 1 else {
      throw ServiceError.invalid(
        field: "\(field).size_bytes", message: "\(announced.sizeBytes) is below 1")
    }
    self.init(
      digest: try ContentDigest(hex: announced.sha256, field: "\(field).sha256"),
      size: announced.sizeBytes,
      mediaType: try TextRule.foreignIdentifier.check(
        announced.mediaType, field: "\(field).media_type"))
  }
}
