internal import API
internal import Domain
internal import ProtoWire
internal import Store

/// Variants of models.
struct ModelVariantResource: EditableResource {
  let kind = ResourceKind.modelVariant

  static let changes: [Change<API.ModelVariant, Domain.ModelVariant>] = [
    .text("description", .description, \.description) { $0.description = $1 },
    .labels(\.labels) { $0.labels = $1 },
  ]

  func make(_ wanted: API.ModelVariant, _ mutation: Mutation) throws -> Domain.ModelVariant {
    let name = try TextRule.name.check(wanted.name, field: "model_variant.name")
    let capability = try TextRule.name.check(
      wanted.capability, field: "model_variant.capability")
    let traits = DeviceTraits(
      platform: try wanted.platform.number(field: "model_variant.platform"),
      deviceClass: try TextRule.optionalName.check(
        wanted.deviceClass, field: "model_variant.device_class"))
    let model = try ModelResource().requireOpen(
      wanted.modelId, org: mutation.caller.org, mutation.tx)
    return Domain.ModelVariant(
      id: mutation.makeID(), org: model.org, model: model.id, name: name, capability: capability,
      traits: traits, description: "", labels: .empty, createdAt: mutation.now,
      updatedAt: mutation.now, revision: 0)
  }

  func wire(_ variant: Domain.ModelVariant, _ db: ReadTransaction) -> API.ModelVariant {
    .with {
      $0.id = variant.id.rawValue
      $0.modelId = variant.model.rawValue
      $0.name = variant.name
      $0.capability = variant.capability
      $0.deviceClass = variant.traits.deviceClass
      $0.platform = Platform(rawValue: variant.traits.platform)
      $0.description = variant.description
      $0.labels = variant.labels.values
      $0.archivedAt = variant.archivedAt.map { Google_Protobuf_Timestamp($0) }
      $0.createdAt = Google_Protobuf_Timestamp(variant.createdAt)
      $0.updatedAt = Google_Protobuf_Timestamp(variant.updatedAt)
      $0.etag = Etag.text(variant.revision)
    }
  }

  func parent(of variant: Domain.ModelVariant) -> String { variant.model.rawValue }
}

extension API.ModelVariant: ResourceMessage {}

extension Platform {
  /// The number of a known platform, `PLATFORM_UNSPECIFIED` included.
  func number(field: String) throws(ServiceError) -> Int32 {
    if case .unrecognized(let number) = self {
      throw .invalid(field: field, message: "there is no platform \(number)")
    }
    return rawValue
  }
}
