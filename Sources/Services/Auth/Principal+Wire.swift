internal import API
internal import Domain
internal import ProtoWire

extension API.Principal {
  init(_ principal: Domain.Principal) {
    self.init()
    id = principal.id.rawValue
    orgId = principal.org.rawValue
    kind = Kind(rawValue: principal.kind.rawValue)
    name = principal.name
    displayName = principal.displayName
    roles = principal.roles.list.map { API.Role(rawValue: $0.rawValue) }
    disabled = principal.isDisabled
    createdAt = Google_Protobuf_Timestamp(principal.createdAt)
    updatedAt = Google_Protobuf_Timestamp(principal.updatedAt)
    etag = Etag.text(principal.revision)
  }
}

extension Roles {
  /// The roles of a request: at least one, each of them known.
  init(_ roles: [API.Role], field: String) throws(ServiceError) {
    var known: [Domain.Role] = []
    for (index, role) in roles.enumerated() {
      guard let role = Domain.Role(rawValue: role.rawValue) else {
        throw .invalid(field: "\(field)[\(index)]", message: "there is no role \(role.rawValue)")
      }
      known.append(role)
    }
    guard !known.isEmpty else { throw .invalid(field: field, message: "is required") }
    self.init(known)
  }
}
