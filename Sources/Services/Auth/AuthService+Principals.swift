public import API
internal import Domain
internal import ProtoWire
public import RPCCore
internal import Store

extension AuthService {
  public func createPrincipal(
    _ request: CreatePrincipalRequest, context: ServerContext
  ) async throws -> CreatePrincipalResponse {
    try await rules.mutate(request, context) { mutation in
      let wanted = request.principal ?? API.Principal()
      guard let kind = Domain.Principal.Kind(rawValue: wanted.kind.rawValue) else {
        throw ServiceError.invalid(
          field: "principal.kind",
          message: wanted.kind == .unspecified
            ? "is required" : "there is no kind \(wanted.kind.rawValue)")
      }
      let name = try TextRule.name.check(wanted.name, field: "principal.name")
      try TextRule.displayName.check(wanted.displayName, field: "principal.display_name")
      let roles = try Roles(wanted.roles, field: "principal.roles")
      guard try Principals(mutation.tx).find(name: name, org: mutation.caller.org) == nil else {
        throw ServiceError.alreadyExists(.principal, name: name)
      }
      let principal = Domain.Principal(
        id: mutation.makeID(), org: mutation.caller.org, kind: kind, name: name,
        displayName: wanted.displayName, roles: roles, isDisabled: wanted.disabled,
        createdAt: mutation.now, updatedAt: mutation.now,
        revision: try mutation.nextRevision())
      try Principals(mutation.tx).insert(principal)
      let after = API.Principal(principal)
      try mutation.record("created", .principal, id: principal.id.rawValue, after: after)
      return CreatePrincipalResponse.with { $0.principal = after }
    }
  }

  public func getPrincipal(
    _ request: GetPrincipalRequest, context: ServerContext
  ) async throws -> GetPrincipalResponse {
    try rules.read(context) { db, caller in
      let id = PrincipalID(request.principalId)
      guard let principal = try Principals(db).find(id, org: caller.org) else {
        throw ServiceError.notFound(.principal, id: request.principalId)
      }
      return GetPrincipalResponse.with { $0.principal = API.Principal(principal) }
    }
  }

  public func listPrincipals(
    _ request: ListPrincipalsRequest, context: ServerContext
  ) async throws -> ListPrincipalsResponse {
    try rules.list(request, context) { db, caller, walk in
      let roles = request.role == .unspecified ? nil : try Roles([request.role], field: "role")
      let kind = Domain.Principal.Kind(rawValue: request.kind.rawValue)
      guard kind != nil || request.kind == .unspecified else {
        throw ServiceError.invalid(
          field: "kind", message: "there is no kind \(request.kind.rawValue)")
      }
      let listing = try Principals(db).list(
        walk.page, org: caller.org, roles: roles, kind: kind)
      return ListPrincipalsResponse.with {
        $0.principals = listing.items.map { API.Principal($0) }
        $0.nextPageToken = walk.token(after: listing.next)
        $0.totalSize = Int32(clamping: listing.total)
      }
    }
  }

  public func updatePrincipal(
    _ request: UpdatePrincipalRequest, context: ServerContext
  ) async throws -> UpdatePrincipalResponse {
    let response: UpdatePrincipalResponse = try await rules.mutate(request, context) { mutation in
      let wanted = request.principal ?? API.Principal()
      let org = mutation.caller.org
      let repository = Principals(mutation.tx)
      guard var principal = try repository.find(PrincipalID(wanted.id), org: org) else {
        throw ServiceError.notFound(.principal, id: wanted.id)
      }
      try Etag.check(request.etag, .principal, wanted.id, revision: principal.revision)
      let update = try FieldMaskUpdate(
        request.updateMask,
        fields: [
          "display_name": !wanted.displayName.isEmpty, "roles": !wanted.roles.isEmpty,
          "disabled": wanted.disabled,
        ])
      let before = API.Principal(principal)
      let wasAdmin = principal.isEnabledAdmin
      if update.changes("display_name") {
        principal.displayName = try TextRule.displayName.check(
          wanted.displayName, field: "principal.display_name")
      }
      if update.changes("roles") {
        principal.roles = try Roles(wanted.roles, field: "principal.roles")
      }
      if update.changes("disabled") { principal.isDisabled = wanted.disabled }
      if wasAdmin, !principal.isEnabledAdmin,
        try repository.otherEnabledAdmins(than: principal.id, org: org) == 0
      {
        throw ServiceError.precondition(
          .lastAdmin, .principal, wanted.id,
          "\"\(principal.name)\" is the org's last enabled admin")
      }
      principal.updatedAt = mutation.now
      principal.revision = try mutation.nextRevision()
      try repository.update(principal)
      let after = API.Principal(principal)
      try mutation.record("updated", .principal, id: wanted.id, before: before, after: after)
      return UpdatePrincipalResponse.with { $0.principal = after }
    }
    authentication.invalidate()
    return response
  }
}

extension CreatePrincipalRequest: MutationRequest {}
extension UpdatePrincipalRequest: MutationRequest {}
extension ListPrincipalsRequest: ListRequest {}
