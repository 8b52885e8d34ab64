internal import API
internal import Domain
internal import ProtoWire
internal import Store

/// Versions of variants.
struct ModelVersionResource: EditableResource {
  let kind = ResourceKind.modelVersion

  static let changes: [Change<API.ModelVersion, Domain.ModelVersion>] = [
    .text("description", .description, \.description) { $0.description = $1 },
    .labels(\.labels) { $0.labels = $1 },
  ]

  func make(_ wanted: API.ModelVersion, _ mutation: Mutation) throws -> Domain.ModelVersion {
    let (caller, tx) = (mutation.caller, mutation.tx)
    let name = try TextRule.versionName.check(wanted.name, field: "model_version.name")
    let variant = try ModelVariantResource().requireOpen(wanted.variantId, org: caller.org, tx)
    let model = try ModelResource().requireOpen(variant.model.rawValue, org: caller.org, tx)
    return Domain.ModelVersion(
      id: mutation.makeID(), org: caller.org, model: model.id, variant: variant.id, name: name,
      description: "", labels: .empty, createdBy: caller.principal, createdAt: mutation.now,
      updatedAt: mutation.now, revision: 0)
  }

  func wire(_ version: Domain.ModelVersion, _ db: ReadTransaction) -> API.ModelVersion {
    .with {
      $0.id = version.id.rawValue
      $0.variantId = version.variant.rawValue
      $0.modelId = version.model.rawValue
      $0.name = version.name
      $0.description = version.description
      $0.labels = version.labels.values
      $0.state = .init(rawValue: version.state.rawValue)
      $0.artifact = version.artifact.map { API.Artifact($0) }
      $0.createdBy = version.createdBy.rawValue
      $0.createdAt = Google_Protobuf_Timestamp(version.createdAt)
      $0.updatedAt = Google_Protobuf_Timestamp(version.updatedAt)
      $0.etag = Etag.text(version.revision)
    }
  }

  func parent(of version: Domain.ModelVersion) -> String { version.variant.rawValue }

  /// The version of an id when it can be deployed: its artifact is there and it is not archived.
  func requireReady(
    _ id: VersionID, org: OrgID, _ db: ReadTransaction
  ) throws -> Domain.ModelVersion {
    let version = try requireOpen(id.rawValue, org: org, db)
    guard version.artifact != nil else {
      throw ServiceError.precondition(
        .artifactMissing, kind, id.rawValue,
        "the model version \"\(version.name)\" has no artifact yet")
    }
    return version
  }
}

extension API.ModelVersion: ResourceMessage {}

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
