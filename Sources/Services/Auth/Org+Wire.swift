internal import API
internal import Domain
internal import ProtoWire

extension API.Org {
  init(_ org: Domain.Org) {
    self.init()
    id = org.id.rawValue
    name = org.name
    displayName = org.displayName
    isRoot = org.isRoot
    createdAt = Google_Protobuf_Timestamp(org.createdAt)
    updatedAt = Google_Protobuf_Timestamp(org.updatedAt)
    etag = Etag.text(org.revision)
  }
}
