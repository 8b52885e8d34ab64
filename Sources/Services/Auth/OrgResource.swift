internal import API
internal import Domain
internal import ProtoWire
internal import Store

/// Orgs. A caller's own is meant when an id is empty.
struct OrgResource: EditableResource {
  let kind = ResourceKind.org

  static let changes: [Change<API.Org, Domain.Org>] = [
    .text("display_name", .displayName, \.displayName) { $0.displayName = $1 }
  ]

  func make(_ wanted: API.Org, _ mutation: Mutation) throws -> Domain.Org {
    Domain.Org(
      id: mutation.makeID(), name: try TextRule.name.check(wanted.name, field: "org.name"),
      displayName: "", isRoot: false, createdAt: mutation.now, updatedAt: mutation.now,
      revision: 0)
  }

  func wire(_ org: Domain.Org, _ db: ReadTransaction) -> API.Org { API.Org(org) }
  func name(of org: Domain.Org) -> String { org.name }
  func id(_ text: String, _ caller: Caller) -> OrgID { text.isEmpty ? caller.org : OrgID(text) }
  func listed(_ caller: Caller) -> OrgID? {
    caller.isRootOrg && caller.isAdmin ? nil : caller.org
  }
}

extension API.Org: ResourceMessage {
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
