public import API
internal import Domain
internal import ProtoWire
public import RPCCore
internal import Store
internal import Synchronization

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
      let principal = try PrincipalResource().require(
        owner.rawValue, org: caller.org, mutation.tx)
      guard owner == caller.principal || caller.isAdmin else {
        throw ServiceError.permissionDenied("keys for others are created by admins")
      }
      guard !principal.isDisabled else {
        throw ServiceError.precondition(
          .resourceDisabled, .principal, owner.rawValue, "\"\(principal.name)\" is disabled")
      }
      try TextRule.displayName.check(request.displayName, field: "display_name")
      // Again, here: a key that was revoked since the call began leaves none behind.
      guard let used = try APIKeys(mutation.tx).find(caller.key, org: caller.org),
        used.isAccepted(at: mutation.now)
      else { throw ServiceError.unauthenticated(.apiKeyInvalid) }
      let latest = owner == caller.principal ? used.expiresAt : nil
      let after = try mutation.insert(
        APIKey(
          id: mutation.makeID(), org: caller.org, principal: owner,
          displayName: request.displayName, hint: secret.hint, createdAt: mutation.now,
          expiresAt: try Self.expiry(request, now: mutation.now, latest: latest), revision: 0),
        secret)
      return CreateApiKeyResponse.with {
        $0.apiKey = after
        $0.secret = request.validateOnly ? "" : secret.text
      }
    }
  }

  /// - Parameter latest: when the key expires that asks for another of its own principal; nil: never, or for somebody else.
  private static func expiry(
    _ request: CreateApiKeyRequest, now: Timestamp, latest: Timestamp?
  ) throws(ServiceError) -> Timestamp? {
    guard let message = request.expiresAt else { return latest }
    guard let time = Timestamp(message) else {
      throw .invalid(
        field: "expires_at", message: "\(message.seconds) seconds are outside the years 1 to 9999")
    }
    guard time > now else {
      throw .invalid(
        field: "expires_at",
        message: "\(time.seconds) is not after the server's time \(now.seconds)")
    }
    if let latest, time > latest {
      throw .invalid(
        field: "expires_at",
        message: "\(time.seconds) is after \(latest.seconds), when the key expires that asks for it"
      )
    }
    return Timestamp(milliseconds: time.milliseconds)
  }

  public func listApiKeys(
    _ request: ListApiKeysRequest, context: ServerContext
  ) async throws -> ListApiKeysResponse {
    try await rules.list(APIKeyResource(), request, context) { caller, _ in
      var owner = request.principalId.isEmpty ? nil : PrincipalID(request.principalId)
      if !caller.isAdmin {
        guard owner == nil || owner == caller.principal else {
          throw ServiceError.permissionDenied("keys of others are listed by admins")
        }
        owner = caller.principal
      }
      return owner.map { [.principal($0)] } ?? []
    }
  }

  public func revokeApiKey(
    _ request: RevokeApiKeyRequest, context: ServerContext
  ) async throws -> RevokeApiKeyResponse {
    let hasChanged = Flag()
    let response: RevokeApiKeyResponse = try await rules.mutate(request, context) { mutation in
      let caller = mutation.caller
      let key = try APIKeyResource().require(request.apiKeyId, caller, mutation.tx)
      // To whoever may not revoke it, another's key does not exist.
      guard key.principal == caller.principal || caller.isAdmin else {
        throw ServiceError.notFound(.apiKey, id: request.apiKeyId)
      }
      try Etag.check(request.etag, .apiKey, request.apiKeyId, revision: key.revision)
      guard key.revokedAt == nil else { return .with { $0.apiKey = ApiKey(key) } }
      // A key that expires is no way in that lasts; without one the others' expiry would lock everybody out.
      if key.expiresAt == nil,
        try Principals(mutation.tx).find(key.principal, org: caller.org)?.isEnabledAdmin == true,
        try !APIKeys(mutation.tx).hasWayIn(caller.org, key: key.id)
      {
        throw ServiceError.precondition(
          .lastAdmin, .apiKey, request.apiKeyId,
          "it is the last key of an enabled admin that does not expire: create another first")
      }
      hasChanged.raise()
      let after = try mutation.revoke(key)
      return RevokeApiKeyResponse.with { $0.apiKey = after }
    }
    // Revoking a revoked key changes nothing, so nobody's key is looked up again for it.
    if hasChanged.isRaised { authentication.invalidate(try context.authenticatedCaller().org) }
    return response
  }
}
/// Tells a call what its change did on the writer's thread.
private final class Flag: Sendable {
  private let value = Atomic<Bool>(false)

  var isRaised: Bool { value.load(ordering: .acquiring) }
  func raise() { value.store(true, ordering: .releasing) }
}
