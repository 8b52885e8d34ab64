internal import API
internal import Domain
internal import ProtoWire

extension API.ModelVariant {
  init(_ variant: Domain.ModelVariant) {
    self.init()
    id = variant.id.rawValue
    modelId = variant.model.rawValue
    name = variant.name
    capability = variant.capability
    deviceClass = variant.traits.deviceClass
    platform = Platform(rawValue: variant.traits.platform)
    description = variant.description
    labels = variant.labels.values
    archivedAt = variant.archivedAt.map { Google_Protobuf_Timestamp($0) }
    createdAt = Google_Protobuf_Timestamp(variant.createdAt)
    updatedAt = Google_Protobuf_Timestamp(variant.updatedAt)
    etag = Etag.text(variant.revision)
  }
}

extension Platform {
  /// The number of a known platform, `PLATFORM_UNSPECIFIED` included.
  func number(field: String) throws(ServiceError) -> Int32 {
    if case .unrecognized(let number) = self {
      throw .invalid(field: field, message: "there is no platform \(number)")
    }
    return rawValue
  }
}
