public import API
internal import Domain
internal import ProtoWire
public import RPCCore
internal import Store

/// Orgs, principals and keys.
public struct AuthService: AuthServiceServer {
  let rules: CallRules
  let authentication: Authentication

  /// `authentication` is told when what it remembers is no longer true.
  public init(rules: CallRules, authentication: Authentication) {
    self.rules = rules
    self.authentication = authentication
  }

  // MARK: Who calls

  public func whoAmI(
    _ request: WhoAmIRequest, context: ServerContext
  ) async throws -> WhoAmIResponse {
    try rules.read(context) { db, caller in
      if let device = caller.device {
        guard let org = try Orgs(db).find(caller.org) else {
          throw ServiceError.unauthenticated(.apiKeyInvalid)
        }
        return WhoAmIResponse.with {
          $0.org = API.Org(org)
          $0.deviceId = device.id.rawValue
        }
      }
      guard let org = try Orgs(db).find(caller.org),
        let principal = try Principals(db).find(caller.principal, org: caller.org),
        let key = try APIKeys(db).find(caller.key, org: caller.org)
      else { throw ServiceError.unauthenticated(.apiKeyInvalid) }
      return WhoAmIResponse.with {
        $0.org = API.Org(org)
        $0.principal = API.Principal(principal)
        $0.apiKey = ApiKey(key)
      }
    }
  }

  // MARK: Orgs

  public func getOrg(_ request: GetOrgRequest, context: ServerContext) async throws
    -> GetOrgResponse
  {
    try rules.read(context) { db, caller in
      let id = request.orgId.isEmpty ? caller.org : OrgID(request.orgId)
      guard id == caller.org || (caller.isRootOrg && caller.isAdmin),
        let org = try Orgs(db).find(id)
      else { throw ServiceError.notFound(.org, id: request.orgId) }
      return GetOrgResponse.with { $0.org = API.Org(org) }
    }
  }

  public func listOrgs(
    _ request: ListOrgsRequest, context: ServerContext
  ) async throws -> ListOrgsResponse {
    try rules.list(request, context) { db, caller, walk in
      let seesAll = caller.isRootOrg && caller.isAdmin
      let listing = try Orgs(db).list(walk.page, only: seesAll ? nil : caller.org)
      return ListOrgsResponse.with {
        $0.orgs = listing.items.map { API.Org($0) }
        $0.nextPageToken = walk.token(after: listing.next)
        $0.totalSize = Int32(clamping: listing.total)
      }
    }
  }

  public func updateOrg(
    _ request: UpdateOrgRequest, context: ServerContext
  ) async throws -> UpdateOrgResponse {
    try await rules.mutate(request, context) { mutation in
      let wanted = request.org ?? API.Org()
      let id = wanted.id.isEmpty ? mutation.caller.org : OrgID(wanted.id)
      guard id == mutation.caller.org, var org = try Orgs(mutation.tx).find(id) else {
        throw ServiceError.notFound(.org, id: wanted.id)
      }
      try Etag.check(request.etag, .org, id.rawValue, revision: org.revision)
      let update = try FieldMaskUpdate(
        request.updateMask, fields: ["display_name": !wanted.displayName.isEmpty])
      let before = API.Org(org)
      if update.changes("display_name") {
        org.displayName = try TextRule.displayName.check(
          wanted.displayName, field: "org.display_name")
      }
      org.updatedAt = mutation.now
      org.revision = try mutation.nextRevision()
      try Orgs(mutation.tx).update(org)
      let after = API.Org(org)
      try mutation.record("updated", .org, id: id.rawValue, before: before, after: after)
      return UpdateOrgResponse.with { $0.org = after }
    }
  }
}

extension UpdateOrgRequest: MutationRequest {}
extension ListOrgsRequest: ListRequest {}
