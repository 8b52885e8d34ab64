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

  @Test func `what was looked up before a change is not kept after it`() {
    let cache = CredentialCache(limit: 2)
    let digest = CredentialCache.Digest([UInt8](repeating: 1, count: 32))
    let entry = CredentialCache.Entry(
      caller: Caller(
        principal: PrincipalID("p"), org: OrgID("o"), roles: .viewer, key: KeyID("k"),
        isRootOrg: false), expiresAt: nil)
    let before = cache.find(digest).generation
    cache.invalidate()
    cache.insert(digest, entry, generation: before)
    #expect(cache.find(digest).entry == nil)
    cache.insert(digest, entry, generation: cache.find(digest).generation)
    #expect(cache.find(digest).entry?.caller == entry.caller)
    let near = CredentialCache.Digest([UInt8](repeating: 1, count: 31) + [2])
    #expect(cache.find(near).entry == nil)
  }
}
