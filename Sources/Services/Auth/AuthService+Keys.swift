public import API
internal import Domain
internal import ProtoWire
public import RPCCore
internal import Store

extension AuthService {
  public func createApiKey(
    _ request: CreateApiKeyRequest, context: ServerContext
  ) async throws -> CreateApiKeyResponse {
    let secret = KeySecret.random()
    return try await rules.mutate(
      request, context,
      storing: { response in
        var stored = response
        stored.secret = ""
        return stored
      }
    ) { mutation in
      let caller = mutation.caller
      let owner =
        request.principalId.isEmpty ? caller.principal : PrincipalID(request.principalId)
      guard let principal = try Principals(mutation.tx).find(owner, org: caller.org) else {
        throw ServiceError.notFound(.principal, id: request.principalId)
      }
      guard owner == caller.principal || caller.isAdmin else {
        throw ServiceError.permissionDenied("keys for others are created by admins")
      }
      guard !principal.isDisabled else {
        throw ServiceError.precondition(
          .resourceDisabled, .principal, owner.rawValue, "\"\(principal.name)\" is disabled")
      }
      try TextRule.displayName.check(request.displayName, field: "display_name")
      let key = APIKey(
        id: mutation.makeID(), org: caller.org, principal: owner,
        displayName: request.displayName, hint: secret.hint, createdAt: mutation.now,
        expiresAt: try Self.expiry(request, now: mutation.now),
        revision: try mutation.nextRevision())
      try APIKeys(mutation.tx).insert(key, digest: secret.digest)
      let after = ApiKey(key)
      try mutation.record(
        "created", .apiKey, id: key.id.rawValue, parent: owner.rawValue, after: after)
      return CreateApiKeyResponse.with {
        $0.apiKey = after
        $0.secret = request.validateOnly ? "" : secret.text
      }
    }
  }

  private static func expiry(_ request: CreateApiKeyRequest, now: Timestamp) throws(ServiceError)
    -> Timestamp?
  {
    guard let message = request.expiresAt else { return nil }
    guard let time = Timestamp(message) else {
      throw .invalid(
        field: "expires_at", message: "\(message.seconds) seconds are outside the years 1 to 9999")
    }
    guard time > now else {
      throw .invalid(
        field: "expires_at",
        message: "\(time.seconds) is not after the server's time \(now.seconds)")
    }
    return Timestamp(milliseconds: time.milliseconds)
  }

  public func listApiKeys(
    _ request: ListApiKeysRequest, context: ServerContext
  ) async throws -> ListApiKeysResponse {
    try rules.list(request, context) { db, caller, walk in
      var owner = request.principalId.isEmpty ? nil : PrincipalID(request.principalId)
      if !caller.isAdmin {
        guard owner == nil || owner == caller.principal else {
          throw ServiceError.permissionDenied("keys of others are listed by admins")
        }
        owner = caller.principal
      }
      let listing = try APIKeys(db).list(walk.page, org: caller.org, principal: owner)
      return ListApiKeysResponse.with {
        $0.apiKeys = listing.items.map { ApiKey($0) }
        $0.nextPageToken = walk.token(after: listing.next)
        $0.totalSize = Int32(clamping: listing.total)
      }
    }
  }

  public func revokeApiKey(
    _ request: RevokeApiKeyRequest, context: ServerContext
  ) async throws -> RevokeApiKeyResponse {
    let response: RevokeApiKeyResponse = try await rules.mutate(request, context) { mutation in
      let caller = mutation.caller
      let repository = APIKeys(mutation.tx)
      // To whoever may not revoke it, another's key does not exist.
      guard var key = try repository.find(KeyID(request.apiKeyId), org: caller.org),
        key.principal == caller.principal || caller.isAdmin
      else { throw ServiceError.notFound(.apiKey, id: request.apiKeyId) }
      try Etag.check(request.etag, .apiKey, request.apiKeyId, revision: key.revision)
      let before = ApiKey(key)
      if key.revokedAt == nil {
        key.revokedAt = mutation.now
        key.revision = try mutation.nextRevision()
        try repository.update(key)
        try mutation.record(
          "revoked", .apiKey, id: request.apiKeyId, parent: key.principal.rawValue,
          before: before, after: ApiKey(key))
      }
      return RevokeApiKeyResponse.with { $0.apiKey = ApiKey(key) }
    }
    authentication.invalidate()
    return response
  }
}

extension CreateApiKeyRequest: MutationRequest {}
extension RevokeApiKeyRequest: MutationRequest {}
extension ListApiKeysRequest: ListRequest {}
