public import API
internal import Domain
internal import ProtoWire
public import RPCCore
internal import Store

extension AuthService {
  public func createOrg(
    _ request: CreateOrgRequest, context: ServerContext
  ) async throws -> CreateOrgResponse {
    let secret = KeySecret.random()
    let response: CreateOrgResponse = try await rules.mutate(
      request, context,
      storing: { response in
        var stored = response
        stored.secret = ""
        return stored
      },
      replaying: { mutation, first in try Self.renewKey(of: first, secret, mutation) }
    ) { mutation in try Self.create(request, secret, mutation) }
    // A repeat revokes the key of the answer before.
    authentication.invalidate(OrgID(response.org?.id ?? ""))
    return response
  }

  private static func create(
    _ request: CreateOrgRequest, _ secret: KeySecret, _ mutation: Mutation
  ) throws -> CreateOrgResponse {
    guard mutation.caller.isRootOrg, mutation.caller.isAdmin else {
      throw ServiceError.permissionDenied("orgs are created by admins of the root org")
    }
    try TextRule.optionalName.check(request.adminName, field: "admin_name")
    let wanted = request.org ?? API.Org()
    let org = try mutation.insert(try OrgResource().new(wanted, mutation), OrgResource())
    let id = OrgID(org.id)
    let admin = try mutation.insert(
      Domain.Principal(
        id: mutation.makeID(), org: id, kind: .user,
        name: request.adminName.isEmpty ? "admin" : request.adminName, displayName: "",
        roles: .admin, createdAt: mutation.now, updatedAt: mutation.now, revision: 0),
      PrincipalResource(), log: id)
    let key = try makeKey(of: PrincipalID(admin.id), id, secret, mutation)
    return CreateOrgResponse.with {
      $0.org = org
      $0.admin = admin
      $0.apiKey = key
      $0.secret = request.validateOnly ? "" : secret.text
    }
  }

  /// Answers a repeat. The answer before may be lost, and with it the only key of the org: that key is revoked for a new one. Not once
  /// anybody has called with it: whoever has it manages the org, and decides alone.
  private static func renewKey(
    of first: CreateOrgResponse, _ secret: KeySecret, _ mutation: Mutation
  ) throws -> CreateOrgResponse {
    let (tx, org) = (mutation.tx, OrgID(first.org?.id ?? ""))
    guard let key = try APIKeys(tx).find(KeyID(first.apiKey?.id ?? ""), org: org),
      let admin = try Principals(tx).find(key.principal, org: org), key.revokedAt == nil,
      key.firstUsedAt == nil, admin.isEnabledAdmin
    else { return first }
    try mutation.revoke(key)
    var answer = first
    answer.apiKey = try makeKey(of: admin.id, org, secret, mutation)
    answer.secret = secret.text
    return answer
  }

  private static func makeKey(
    of admin: PrincipalID, _ org: OrgID, _ secret: KeySecret, _ mutation: Mutation
  ) throws -> ApiKey {
    try mutation.insert(
      APIKey(
        id: mutation.makeID(), org: org, principal: admin, displayName: "first admin",
        hint: secret.hint, createdAt: mutation.now, revision: 0), secret, log: org)
  }
}
