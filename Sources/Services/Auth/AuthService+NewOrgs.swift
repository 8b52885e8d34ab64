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
    authentication.invalidate()
    return response
  }

  private static func create(
    _ request: CreateOrgRequest, _ secret: KeySecret, _ mutation: Mutation
  ) throws -> CreateOrgResponse {
    guard mutation.caller.isRootOrg, mutation.caller.isAdmin else {
      throw ServiceError.permissionDenied("orgs are created by admins of the root org")
    }
    let tx = mutation.tx
    let wanted = request.org ?? API.Org()
    let name = try TextRule.name.check(wanted.name, field: "org.name")
    try TextRule.displayName.check(wanted.displayName, field: "org.display_name")
    try TextRule.optionalName.check(request.adminName, field: "admin_name")
    guard try Orgs(tx).find(name: name) == nil else {
      throw ServiceError.alreadyExists(.org, name: name)
    }
    let now = mutation.now
    let org = Domain.Org(
      id: mutation.makeID(), name: name, displayName: wanted.displayName, isRoot: false,
      createdAt: now, updatedAt: now, revision: try mutation.nextRevision())
    try Orgs(tx).insert(org)
    try mutation.record("created", .org, id: org.id.rawValue, after: API.Org(org))
    let admin = Domain.Principal(
      id: mutation.makeID(), org: org.id, kind: .user,
      name: request.adminName.isEmpty ? "admin" : request.adminName, displayName: "",
      roles: .admin, createdAt: now, updatedAt: now, revision: try mutation.nextRevision())
    try Principals(tx).insert(admin)
    try mutation.record(
      "created", .principal, id: admin.id.rawValue, after: API.Principal(admin), org: org.id)
    let key = try makeKey(of: admin.id, org.id, secret, mutation)
    return CreateOrgResponse.with {
      $0.org = API.Org(org)
      $0.admin = API.Principal(admin)
      $0.apiKey = key
      $0.secret = request.validateOnly ? "" : secret.text
    }
  }

  /// Answers a repeat. The answer before may be lost, and with it the only key of the org: that key is revoked for a new one. Whoever
  /// manages the org by now decides alone: a key that was revoked, or whose principal is disabled, is not renewed.
  private static func renewKey(
    of first: CreateOrgResponse, _ secret: KeySecret, _ mutation: Mutation
  ) throws -> CreateOrgResponse {
    let (tx, org) = (mutation.tx, OrgID(first.org?.id ?? ""))
    guard var key = try APIKeys(tx).find(KeyID(first.apiKey?.id ?? ""), org: org),
      let admin = try Principals(tx).find(key.principal, org: org), key.revokedAt == nil,
      admin.isEnabledAdmin
    else { return first }
    let before = ApiKey(key)
    key.revokedAt = mutation.now
    key.revision = try mutation.nextRevision()
    try APIKeys(tx).update(key)
    try mutation.record(
      "revoked", .apiKey, id: key.id.rawValue, parent: admin.id.rawValue, before: before,
      after: ApiKey(key), org: org)
    var answer = first
    answer.apiKey = try makeKey(of: admin.id, org, secret, mutation)
    answer.secret = secret.text
    return answer
  }

  private static func makeKey(
    of admin: PrincipalID, _ org: OrgID, _ secret: KeySecret, _ mutation: Mutation
  ) throws -> ApiKey {
    let key = APIKey(
      id: mutation.makeID(), org: org, principal: admin, displayName: "first admin",
      hint: secret.hint, createdAt: mutation.now, revision: try mutation.nextRevision())
    try APIKeys(mutation.tx).insert(key, digest: secret.digest)
    let after = ApiKey(key)
    try mutation.record(
      "created", .apiKey, id: after.id, parent: admin.rawValue, after: after, org: org)
    return after
  }
}

extension CreateOrgRequest: MutationRequest {}
