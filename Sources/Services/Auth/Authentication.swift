internal import Crypto
public import Domain
public import Logging
public import RPCCore
public import Store

/// Finds out who calls: `authorization: Bearer sk-…` → the principal of that key, `Bearer dk-…` → the device of that secret.
///
/// Asked by ``Authorization`` for every method that is not open. The SHA-256 is looked up in a cache,
/// then in the store; a refused caller does not learn why.
public final class Authentication: ServerInterceptor {
  private let store: Store
  private let cache = CredentialCache()
  private let devices = DeviceCallers()
  private let failures: FailedKeys
  let now: @Sendable () -> Timestamp

  /// - Parameter now: by which keys expire; the store's clock for that when nil.
  /// - Parameter logger: told, at most once a second, of keys that are not accepted.
  public init(
    store: Store, failedKeys: FailedKeyLimit = FailedKeyLimit(), logger: Logger? = nil,
    now: (@Sendable () -> Timestamp)? = nil
  ) {
    self.store = store
    failures = FailedKeys(failedKeys, logger)
    self.now = now ?? { Timestamp(milliseconds: store.expiryMilliseconds) }
  }

  public func callStarted(_ context: ServerContext) throws {
    let found = context.requestMetadata.firstValue("authorization") { value in
      Self.token(value).map {
        (digest: SHA256.hash(data: $0), isDevice: Self.isDeviceSecret($0))
      }
    }
    guard let found else { throw StatusMapping.map(ServiceError.unauthenticated(.apiKeyMissing)) }
    guard let found,
      let caller = try found.isDevice ? device(found.digest) : caller(found.digest)
    else {
      let hint = context.requestMetadata.firstValue("authorization") { value in
        Self.token(value).map(Self.hint)
      }
      throw failures.refusal(context, hint: (hint ?? nil) ?? "")
    }
    context.identify(caller, account: caller.principal.rawValue, tier: caller.tier.rawValue)
  }

  /// Believes nothing any more of what is known of an org: after a change of its keys or principals was committed.
  func invalidate(_ org: OrgID) { cache.invalidate(org) }

  /// Puts on record that somebody has called with a key.
  func noteUse(by caller: Caller) async throws {
    let (key, now) = (caller.key, now())
    let isFirst = try await store.write { tx in try APIKeys(tx).noteUse(of: key, at: now) }
    if isFirst { invalidate(caller.org) }
  }

  /// The record of when an org's keys and principals changed.
  func changes(of org: OrgID) -> CredentialCache.Changes { cache.changes(of: org) }

  /// What a key is now; nil when it is revoked or its principal disabled. Its expiry is for the caller to compare.
  func standing(of key: KeyID) throws -> Credential? {
    guard let found = try store.read({ try APIKeys($0).credential(key) }),
      found.key.revokedAt == nil, !found.isDisabled
    else { return nil }
    return found
  }

  // MARK: Devices

  /// Forgets what is known of a device: after a change of its secrets was committed.
  func forget(_ device: DeviceID) { devices.forget(device) }

  /// Grows whenever a device's secrets change.
  func changes(of device: DeviceID) -> UInt64 { devices.changes(of: device) }

  /// Why a caller may not, or no longer, speak for a device; nil: it may.
  func refusal(of caller: Caller, toSpeakFor device: DeviceID) throws -> ServiceError? {
    caller.refusal(toSpeakFor: try store.read { try DeviceCredentials($0).find(device) })
  }

  private func device(_ digest: SHA256.Digest) throws -> Caller? {
    let key = digest.withUnsafeBytes { CredentialCache.Digest($0) }
    let (known, changes) = devices.find(key)
    if let known { return known }
    let bytes = Array(digest)
    guard let credential = try read({ try DeviceCredentials($0).find(digest: bytes) }),
      let secret = credential.secret(digest: bytes)
    else { return nil }
    let caller = Caller(secret, of: credential)
    devices.insert(key, caller, after: changes)
    return caller
  }

  private static func isDeviceSecret(_ token: UnsafeRawBufferPointer) -> Bool {
    token.starts(with: KeySecret.Kind.device.rawValue.utf8)
  }

  // MARK: Principals

  private func read<R>(_ body: (ReadTransaction) throws -> R) throws -> R {
    do {
      return try store.read(body)
    } catch StoreError.closed {
      throw ErrorDetails.error(.unavailable, .shuttingDown, "the server is shutting down")
    }
  }

  private func caller(_ digest: SHA256.Digest) throws -> Caller? {
    let key = digest.withUnsafeBytes { CredentialCache.Digest($0) }
    let (entry, asOf) = cache.find(key)
    if let entry { return isCurrent(entry) ? entry.caller : nil }
    let found = try read { try APIKeys($0).credential(digest: Array(digest)) }
    guard let found, found.key.revokedAt == nil, !found.isDisabled else { return nil }
    let fresh = CredentialCache.Entry(
      caller: Caller(
        principal: found.key.principal, org: found.key.org, roles: found.roles,
        key: found.key.id, isRootOrg: found.isRootOrg,
        isKeyUsed: found.key.firstUsedAt != nil),
      expiresAt: found.key.expiresAt)
    cache.insert(key, fresh, asOf: asOf)
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

  /// What a key of ours is recognised by in public; empty for anything else.
  private static func hint(_ token: UnsafeRawBufferPointer) -> String {
    let hint = token.prefix(KeySecret.hintLength)
    let isKey = hint.starts(with: "sk-".utf8) || hint.starts(with: "dk-".utf8)
    guard isKey, hint.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else {
      return ""
    }
    return String(decoding: hint, as: UTF8.self)
  }
}
