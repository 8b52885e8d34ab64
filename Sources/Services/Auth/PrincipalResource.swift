internal import API
internal import Domain
internal import ProtoWire
internal import Store

/// Principals.
struct PrincipalResource: EditableResource {
  let kind = ResourceKind.principal

  static let changes: [Change<API.Principal, Domain.Principal>] = [
    .text("display_name", .displayName, \.displayName) { $0.displayName = $1 },
    .init("roles", isPopulated: { !$0.roles.isEmpty }) { principal, wanted, field in
      principal.roles = try Roles(wanted.roles, field: field)
    },
    .init("disabled", isPopulated: \.disabled) { principal, wanted, _ in
      principal.isDisabled = wanted.disabled
    },
  ]

  func make(_ wanted: API.Principal, _ mutation: Mutation) throws -> Domain.Principal {
    guard let kind = Domain.Principal.Kind(rawValue: wanted.kind.rawValue) else {
      throw ServiceError.invalid(
        field: "principal.kind",
        message: wanted.kind == .unspecified
          ? "is required" : "there is no kind \(wanted.kind.rawValue)")
    }
    return Domain.Principal(
      id: mutation.makeID(), org: mutation.caller.org, kind: kind,
      name: try TextRule.name.check(wanted.name, field: "principal.name"), displayName: "",
      roles: [], createdAt: mutation.now, updatedAt: mutation.now, revision: 0)
  }

  func wire(_ principal: Domain.Principal, _ db: ReadTransaction) -> API.Principal {
    API.Principal(principal)
  }

  func name(of principal: Domain.Principal) -> String { principal.name }

  /// The last enabled admin with a key that lasts stays one.
  func check(
    _ principal: Domain.Principal, replacing before: Domain.Principal, _ mutation: Mutation
  ) throws {
    guard before.isEnabledAdmin, !principal.isEnabledAdmin else { return }
    guard try APIKeys(mutation.tx).hasWayIn(principal.org, apartFrom: principal.id) else {
      throw ServiceError.precondition(
        .lastAdmin, kind, principal.id.rawValue,
        "\"\(principal.name)\" is the org's last enabled admin with a key that does not expire")
    }
  }
}

extension API.Principal: ResourceMessage {
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
