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
    try await rules.read(context) { db, caller in
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
    try await rules.read(context) { db, caller in
      let orgs = OrgResource()
      let id = orgs.id(request.orgId, caller)
      guard id == caller.org || (caller.isRootOrg && caller.isAdmin),
        let org = try Orgs(db).find(id)
      else { throw ServiceError.notFound(orgs.kind, id: request.orgId) }
      return GetOrgResponse.with { $0.org = API.Org(org) }
    }
  }

  public func listOrgs(
    _ request: ListOrgsRequest, context: ServerContext
  ) async throws -> ListOrgsResponse {
    try await rules.list(OrgResource(), request, context)
  }

  public func updateOrg(
    _ request: UpdateOrgRequest, context: ServerContext
  ) async throws -> UpdateOrgResponse {
    try await rules.update(OrgResource(), request, context)
  }
}
