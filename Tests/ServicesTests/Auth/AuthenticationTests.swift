import API
import Domain
import RPCCore
import Store
import Testing

@testable import Services

@Suite struct AuthenticationTests {
  @Test(
    "Only a bearer token is a key",
    arguments: [
      (String?.none, "API_KEY_MISSING"), ("Basic c2s=", "API_KEY_INVALID"),
      ("Bearer", "API_KEY_INVALID"), ("Bearer ", "API_KEY_INVALID"),
      ("Bearer sk-wrong", "API_KEY_INVALID"), ("sk-wrong", "API_KEY_INVALID"),
    ]) func refused(value: String?, reason: String) async throws
  {
    let fixture = try await ServiceFixture()
    var metadata = Metadata()
    if let value { try metadata.add(value, for: "authorization") }
    let context = ServerContext(
      method: AuthServiceMethods.whoAmI.erased, requestMetadata: metadata)
    let error = await refusal { try fixture.authentication.callStarted(context) }
    #expect(error?.code == .unauthenticated)
    #expect(error?.reason == reason)
    #expect(context.caller == nil)
  }

  private static func digest(_ bytes: [UInt8]) -> CredentialCache.Digest {
    bytes.withUnsafeBytes { CredentialCache.Digest($0) }
  }

  @Test func `what was looked up before a change of its org is not believed after it`() {
    let cache = CredentialCache(limit: 2)
    func entry(_ org: String) -> CredentialCache.Entry {
      CredentialCache.Entry(
        caller: Caller(
          principal: PrincipalID("p"), org: OrgID(org), roles: .viewer, key: KeyID("k"),
          isRootOrg: false), expiresAt: nil)
    }
    let digest = Self.digest([UInt8](repeating: 1, count: 32))
    let other = Self.digest([UInt8](repeating: 2, count: 32))
    cache.insert(other, entry("other"), asOf: cache.find(other).asOf)
    let before = cache.find(digest).asOf
    cache.invalidate(OrgID("o"))
    cache.insert(digest, entry("o"), asOf: before)
    #expect(cache.find(digest).entry == nil)
    #expect(cache.find(other).entry != nil, "another org's keys are not looked up again")
    cache.insert(digest, entry("o"), asOf: cache.find(digest).asOf)
    #expect(cache.find(digest).entry?.caller == entry("o").caller)
    let near = Self.digest([UInt8](repeating: 1, count: 31) + [2])
    #expect(cache.find(near).entry == nil)
  }

  @Test func `a change of an org that nobody called for leaves no record`() {
    let cache = CredentialCache(limit: 2)
    let known = cache.changes(of: OrgID("a"))
    for org in ["b", "c", "d"] { cache.invalidate(OrgID(org)) }
    #expect(!known.isForgotten)
    let before = known.last
    cache.invalidate(OrgID("a"))
    #expect(known.last > before)
  }

  @Test func `a record of changes that the cache forgot says so`() {
    let cache = CredentialCache(limit: 2)
    let first = cache.changes(of: OrgID("a"))
    #expect(cache.changes(of: OrgID("a")) === first)
    _ = cache.changes(of: OrgID("b"))
    #expect(!first.isForgotten)
    _ = cache.changes(of: OrgID("c"))
    #expect(first.isForgotten)
    #expect(cache.changes(of: OrgID("a")) !== first)
  }

  @Test func `keys that are not accepted are limited by address, accepted ones never`() async throws
  {
    let fixture = try await ServiceFixture()
    let authentication = Authentication(
      store: fixture.store, failedKeys: FailedKeyLimit(burst: 3, perSecond: 1))
    func call(_ key: String, from network: String) throws -> ServerContext {
      var metadata = Metadata()
      try metadata.add("Bearer \(key)", for: "authorization")
      return ServerContext(
        method: AuthServiceMethods.whoAmI.erased, peer: "\(network):1", network: network,
        requestMetadata: metadata)
    }
    for _ in 0..<3 {
      let error = await refusal { try authentication.callStarted(call("sk-wrong", from: "a")) }
      #expect(error?.code == .unauthenticated)
    }
    let error = await refusal { try authentication.callStarted(call("sk-wrong", from: "a")) }
    #expect(error?.code == .resourceExhausted)
    #expect(error?.reason == "RATE_LIMITED")
    try authentication.callStarted(call(fixture.secret, from: "a"))
    let elsewhere = await refusal { try authentication.callStarted(call("sk-wrong", from: "b")) }
    #expect(elsewhere?.code == .unauthenticated)
  }
}
