internal import API
internal import Domain
internal import ProtoWire

extension API.Model {
  init(_ model: Domain.Model) {
    self.init()
    id = model.id.rawValue
    name = model.name
    displayName = model.displayName
    description = model.description
    labels = model.labels.values
    archivedAt = model.archivedAt.map { Google_Protobuf_Timestamp($0) }
    createdAt = Google_Protobuf_Timestamp(model.createdAt)
    updatedAt = Google_Protobuf_Timestamp(model.updatedAt)
    etag = Etag.text(model.revision)
  }
}
