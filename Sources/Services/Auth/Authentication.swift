internal import Crypto
public import Domain
public import RPCCore
public import Store

/// Finds out who calls: `authorization: Bearer sk-…` → the principal of that key.
///
/// Health and reflection need no key. The key's SHA-256 is looked up in a cache, then in the store;
/// a refused caller does not learn why.
public final class Authentication: ServerInterceptor {
  private let store: Store
  private let cache = CredentialCache()
  let now: @Sendable () -> Timestamp

  public init(
    store: Store,
    now: @escaping @Sendable () -> Timestamp = {
      Timestamp(milliseconds: StoreClock.nowMilliseconds())
    }
  ) {
    self.store = store
    self.now = now
  }

  /// Whether a service answers everybody.
  static func isOpen(_ service: String) -> Bool {
    service.hasPrefix("grpc.health.") || service.hasPrefix("grpc.reflection.")
  }

  public func callStarted(_ context: ServerContext) throws {
    guard !Self.isOpen(context.method.service) else { return }
    let digest = context.requestMetadata.firstValue("authorization") { value in
      Self.token(value).map { SHA256.hash(data: $0) }
    }
    guard let digest else { throw StatusMapping.map(ServiceError.unauthenticated(.apiKeyMissing)) }
    guard let digest, let caller = try caller(digest) else {
      throw StatusMapping.map(ServiceError.unauthenticated(.apiKeyInvalid))
    }
    context.caller = caller
  }

  /// Forgets what is cached: after a change of keys or principals was committed.
  func invalidate() { cache.invalidate() }

  /// Grows with every ``invalidate()``.
  var generation: UInt64 { cache.generation }

  /// What a key is now; nil when it is revoked or its principal disabled. Its expiry is for the caller to compare.
  func standing(of key: KeyID) throws -> APIKeys.Credential? {
    guard let found = try store.read({ try APIKeys($0).credential(key) }),
      found.key.revokedAt == nil, !found.isDisabled
    else { return nil }
    return found
  }

  private func caller(_ digest: SHA256.Digest) throws -> Caller? {
    let key = CredentialCache.Digest(digest)
    let (entry, generation) = cache.find(key)
    if let entry { return isCurrent(entry) ? entry.caller : nil }
    let found: APIKeys.Credential?
    do {
      found = try store.read { try APIKeys($0).credential(digest: Array(digest)) }
    } catch StoreError.closed {
      throw ErrorDetails.error(.unavailable, .shuttingDown, "the server is shutting down")
    }
    guard let found, found.key.revokedAt == nil, !found.isDisabled else { return nil }
    let fresh = CredentialCache.Entry(
      caller: Caller(
        principal: found.key.principal, org: found.key.org, roles: found.roles,
        key: found.key.id, isRootOrg: found.isRootOrg),
      expiresAt: found.key.expiresAt)
    cache.insert(key, fresh, generation: generation)
    return isCurrent(fresh) ? fresh.caller : nil
  }

  private func isCurrent(_ entry: CredentialCache.Entry) -> Bool {
    entry.expiresAt.map { now() < $0 } ?? true
  }

  /// The token of `Bearer <token>` (RFC 6750; the scheme in any case), nil for anything else.
  static func token(_ value: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
    let scheme: StaticString = "bearer "
    guard value.count > scheme.utf8CodeUnitCount else { return nil }
    for index in 0..<scheme.utf8CodeUnitCount {
      guard value[index] | 0x20 == scheme.utf8Start[index] else { return nil }
    }
    var token = value[scheme.utf8CodeUnitCount...]
    while token.first == UInt8(ascii: " ") { token = token.dropFirst() }
    return token.isEmpty ? nil : UnsafeRawBufferPointer(rebasing: token)
  }
}
