internal import API
internal import Domain
internal import ProtoWire
internal import Store

/// Groups of devices. Members are no field of theirs.
struct DeviceGroupResource: EditableResource {
  let kind = ResourceKind.deviceGroup

  static let changes: [Change<API.DeviceGroup, Domain.DeviceGroup>] = [
    .text("name", .name, \.name) { $0.name = $1 },
    .text("description", .description, \.description) { $0.description = $1 },
  ]

  func make(_ wanted: API.DeviceGroup, _ mutation: Mutation) throws -> Domain.DeviceGroup {
    Domain.DeviceGroup(
      id: mutation.makeID(), org: mutation.caller.org, createdAt: mutation.now, name: "",
      description: "", updatedAt: mutation.now)
  }

  func wire(_ group: Domain.DeviceGroup, _ db: ReadTransaction) -> API.DeviceGroup {
    API.DeviceGroup(group)
  }

  func name(of group: Domain.DeviceGroup) -> String { group.name }
}

extension API.DeviceGroup: ResourceMessage {
  init(_ group: Domain.DeviceGroup) {
    self.init()
    id = group.id.rawValue
    name = group.name
    description = group.description
    deviceCount = Int32(clamping: group.deviceCount)
    createdAt = Google_Protobuf_Timestamp(group.createdAt)
    updatedAt = Google_Protobuf_Timestamp(group.updatedAt)
    etag = Etag.text(group.revision)
  }
}
