import API
import Domain
import Glibc
import ProtoWire
import RPCCore
import Store
import Testing

@testable import Services

@Suite struct AuthServiceTests {
  typealias Methods = AuthServiceMethods

  @Test func `the first start makes an org, an admin and a key that only the server's user reads`()
    async throws
  {
    let fixture = try await ServiceFixture()
    var status = stat()
    #expect(stat(fixture.path + "/admin.key", &status) == 0)
    #expect(status.st_mode & 0o777 == 0o600)
    #expect(fixture.secret.hasPrefix("sk-"))
    #expect(fixture.secret.utf8.count == 46)
    let me = try await fixture.auth.whoAmI(
      WhoAmIRequest(), context: try fixture.admin(Methods.whoAmI.erased))
    #expect(me.org?.name == "default")
    #expect(me.org?.isRoot == true)
    #expect(me.principal?.roles == [.admin])
    #expect(me.apiKey?.hint == String(fixture.secret.prefix(8)))
    let again = try await Bootstrap.run(store: fixture.store, logger: fixture.rules.logger)
    #expect(again == nil)
  }

  @Test func `a key is shown once and stored nowhere`() async throws {
    let fixture = try await ServiceFixture()
    let request = CreateApiKeyRequest.with {
      $0.displayName = "laptop"
      $0.requestId = "r1"
    }
    let context = try fixture.admin(Methods.createApiKey.erased)
    let first = try await fixture.auth.createApiKey(request, context: context)
    #expect(first.secret.hasPrefix("sk-"))
    let replay = try await fixture.auth.createApiKey(request, context: context)
    #expect(replay.secret == "")
    #expect(replay.apiKey == first.apiKey)
    let listed = try await fixture.auth.listApiKeys(
      ListApiKeysRequest(), context: try fixture.admin(Methods.listApiKeys.erased))
    #expect(listed.totalSize == 2)
    #expect(listed.apiKeys.first?.displayName == "laptop")
  }

  @Test func `a revoked key is refused from the answer on`() async throws {
    let fixture = try await ServiceFixture()
    let created = try await fixture.auth.createApiKey(
      CreateApiKeyRequest(), context: try fixture.admin(Methods.createApiKey.erased))
    _ = try fixture.caller(created.secret)
    let revoked = try await fixture.auth.revokeApiKey(
      .with { $0.apiKeyId = created.apiKey?.id ?? "" },
      context: try fixture.admin(Methods.revokeApiKey.erased))
    #expect(revoked.apiKey?.revokedAt != nil)
    let error = await refusal { _ = try fixture.caller(created.secret) }
    #expect(error?.code == .unauthenticated)
    #expect(error?.reason == "API_KEY_INVALID")
    let before = try fixture.revision()
    let again = try await fixture.auth.revokeApiKey(
      .with { $0.apiKeyId = created.apiKey?.id ?? "" },
      context: try fixture.admin(Methods.revokeApiKey.erased))
    #expect(again.apiKey == revoked.apiKey)
    #expect(try fixture.revision() == before)
  }

  @Test func `a repeated CreateOrg renews the key whose answer may be lost`() async throws {
    let fixture = try await ServiceFixture()
    let request = CreateOrgRequest.with {
      $0.org = .with { $0.name = "other" }
      $0.requestId = "r1"
    }
    func create() async throws -> CreateOrgResponse {
      try await fixture.auth.createOrg(
        request, context: try fixture.admin(Methods.createOrg.erased))
    }
    var secrets = [try await create().secret]
    // Accepted, and so remembered, before it is replaced.
    _ = try fixture.caller(secrets[0])
    for _ in 0..<2 {
      let again = try await create()
      #expect(again.org?.name == "other")
      secrets.append(again.secret)
      let caller = try fixture.caller(again.secret)
      #expect(caller.key.rawValue == again.apiKey?.id)
      #expect(caller.isAdmin)
      let lost = await refusal { _ = try fixture.caller(secrets[secrets.count - 2]) }
      #expect(lost?.reason == "API_KEY_INVALID")
    }
    #expect(Set(secrets).count == 3)
    // Once somebody has called with it, were it to look, nobody outside ends it or makes another.
    let keys = try await fixture.auth.listApiKeys(
      ListApiKeysRequest(), context: try fixture.call(secrets[2], Methods.listApiKeys.erased))
    #expect(keys.apiKeys.map { $0.revokedAt == nil } == [true, false, false])
    let before = try fixture.revision()
    #expect(try await create().secret == "")
    #expect(try fixture.revision() == before)
    _ = try fixture.caller(secrets[2])
    // Nor when the org has revoked it. It needs another to be allowed to.
    _ = try await fixture.auth.createApiKey(
      CreateApiKeyRequest(), context: try fixture.call(secrets[2], Methods.createApiKey.erased))
    _ = try await fixture.auth.revokeApiKey(
      .with { $0.apiKeyId = keys.apiKeys.first?.id ?? "" },
      context: try fixture.call(secrets[2], Methods.revokeApiKey.erased))
    #expect(try await create().secret == "")
  }

  @Test func `the first call with a key is on record, once`() async throws {
    let fixture = try await ServiceFixture()
    let secret = try await fixture.principal("viewer", [.viewer])
    let before = try fixture.caller(secret)
    func record() throws -> Timestamp? {
      try fixture.store.read { try APIKeys($0).find(before.key, org: before.org) }?.firstUsedAt
    }
    #expect(try record() == nil)
    #expect(!before.isKeyUsed)
    // One call may come with many messages.
    let call = try fixture.call(secret, Methods.whoAmI.erased)
    _ = try await fixture.auth.whoAmI(WhoAmIRequest(), context: call)
    #expect(try call.authenticatedCaller().isKeyUsed)
    let first = try record()
    #expect(first != nil)
    #expect(try fixture.caller(secret).isKeyUsed)
    let isAgain = try await fixture.store.write {
      try APIKeys($0).noteUse(of: before.key, at: Timestamp(milliseconds: 1))
    }
    #expect(!isAgain)
    #expect(try record() == first)
  }

  @Test func `a new org, its admin and the key are logged, each in its own org`() async throws {
    let fixture = try await ServiceFixture()
    let secret = try await fixture.otherOrg()
    let (root, other) = (
      try fixture.caller(fixture.secret).org, try fixture.caller(secret).org
    )
    func events(_ org: OrgID) throws -> [LoggedEvent] {
      try fixture.store.read { try EventLog($0).page(after: 0, org: org.rawValue, limit: 10) }
    }
    let first = ["org.created", "principal.created", "api_key.created"]
    #expect(try events(root).map(\.event.kind) == first + ["org.created"])
    #expect(try events(other).map(\.event.kind) == ["principal.created", "api_key.created"])
    #expect(try (events(root) + events(other)).allSatisfy { $0.event.afterDigest.count == 32 })
    let me = try await fixture.auth.whoAmI(
      WhoAmIRequest(), context: try fixture.call(secret, Methods.whoAmI.erased))
    #expect(try events(other).map { "\($0.revision)" } == [me.principal?.etag, me.apiKey?.etag])
  }

  @Test func `an org's display name is changed by its own admin`() async throws {
    let fixture = try await ServiceFixture()
    let other = try await fixture.otherOrg()
    let org = try fixture.caller(fixture.secret).org.rawValue
    func rename(_ name: String, id: String = "", etag: String = "", as secret: String? = nil)
      async throws -> API.Org?
    {
      try await fixture.auth.updateOrg(
        .with {
          $0.org = .with {
            $0.id = id
            $0.displayName = name
          }
          $0.etag = etag
        }, context: try fixture.call(secret ?? fixture.secret, Methods.updateOrg.erased)
      ).org
    }
    let renamed = try #require(try await rename("Acme"))
    #expect(renamed.id == org)
    #expect(renamed.displayName == "Acme")
    #expect(try await rename("Acme Inc.", id: org, etag: renamed.etag)?.displayName == "Acme Inc.")
    let stale = await refusal { _ = try await rename("Acme", etag: renamed.etag) }
    #expect(stale?.reason == "ETAG_MISMATCH")
    let foreign = await refusal { _ = try await rename("Mine", id: org, as: other) }
    #expect(foreign?.code == .notFound)
    let long = await refusal { _ = try await rename(String(repeating: "a", count: 201)) }
    #expect(long?.field == "org.display_name")
  }

  @Test func `a disabled principal gets no key`() async throws {
    let fixture = try await ServiceFixture()
    let created = try await fixture.auth.createPrincipal(
      .with {
        $0.principal = .with {
          $0.name = "bot"
          $0.kind = .serviceAccount
          $0.roles = [.viewer]
          $0.disabled = true
        }
      }, context: try fixture.admin(Methods.createPrincipal.erased))
    let error = await refusal {
      _ = try await fixture.auth.createApiKey(
        .with { $0.principalId = created.principal?.id ?? "" },
        context: try fixture.admin(Methods.createApiKey.erased))
    }
    #expect(error?.code == .failedPrecondition)
    #expect(error?.reason == "RESOURCE_DISABLED")
  }

  @Test func `disabling a principal refuses all of its keys, enabling accepts them again`()
    async throws
  {
    let fixture = try await ServiceFixture()
    let secret = try await fixture.principal("bot", [.operator])
    let id = try fixture.caller(secret).principal.rawValue
    func set(disabled: Bool) async throws {
      _ = try await fixture.auth.updatePrincipal(
        .with {
          $0.principal = .with {
            $0.id = id
            $0.disabled = disabled
          }
          $0.updateMask = .with { $0.paths = ["disabled"] }
        }, context: try fixture.admin(Methods.updatePrincipal.erased))
    }
    try await set(disabled: true)
    #expect(await refusal { _ = try fixture.caller(secret) }?.code == .unauthenticated)
    try await set(disabled: false)
    #expect(try fixture.caller(secret).roles == .operator)
  }

  @Test func `a key expires by the clock, cached or not`() async throws {
    let fixture = try await ServiceFixture()
    let now = StoreClock.nowMilliseconds()
    let created = try await fixture.auth.createApiKey(
      .with { $0.expiresAt = .with { $0.seconds = now / 1_000 + 100 } },
      context: try fixture.admin(Methods.createApiKey.erased))
    let clock = ManualClock(Timestamp(milliseconds: now))
    let authentication = Authentication(store: fixture.store, now: { clock.now })
    func isAccepted() throws -> Bool {
      var metadata = Metadata()
      try metadata.add("bearer  " + created.secret, for: "authorization")
      let context = ServerContext(
        method: Methods.whoAmI.erased, requestMetadata: metadata)
      do {
        try authentication.callStarted(context)
        return context.caller is Caller
      } catch let error as RPCError where error.code == .unauthenticated {
        return false
      }
    }
    #expect(try isAccepted())
    clock.now = Timestamp(seconds: now / 1_000 + 99)
    #expect(try isAccepted())
    clock.now = Timestamp(seconds: now / 1_000 + 100)
    #expect(try !isAccepted())
  }

  @Test(
    "An expiry must lie in the future and in the calendar",
    arguments: [Int64(0), -1, 1, 253_402_300_800, .min, .max])
  func expiries(seconds: Int64) async throws {
    let fixture = try await ServiceFixture()
    let error = await refusal {
      _ = try await fixture.auth.createApiKey(
        .with { $0.expiresAt = .with { $0.seconds = seconds } },
        context: try fixture.admin(Methods.createApiKey.erased))
    }
    #expect(error?.code == .invalidArgument)
    #expect(error?.field == "expires_at")
  }

  @Test func `a key that expires makes none for itself that lasts longer`() async throws {
    let fixture = try await ServiceFixture()
    let now = StoreClock.nowMilliseconds() / 1_000
    func create(_ expires: Int64?, for owner: String = "", by secret: String) async throws
      -> CreateApiKeyResponse
    {
      try await fixture.auth.createApiKey(
        .with {
          $0.principalId = owner
          $0.expiresAt = expires.map { time in .with { $0.seconds = time } }
        }, context: try fixture.call(secret, Methods.createApiKey.erased))
    }
    let viewer = try await fixture.principal("viewer", [.viewer])
    for (lasting, owner) in [
      (fixture.secret, try fixture.caller(viewer).principal.rawValue), (viewer, ""),
    ] {
      let mortal = try await create(now + 100, by: lasting).secret
      let longer = await refusal { _ = try await create(now + 101, by: mortal) }
      #expect(longer?.code == .invalidArgument && longer?.field == "expires_at")
      #expect(try await create(now + 99, by: mortal).apiKey?.expiresAt?.seconds == now + 99)
      let next = try await create(nil, by: mortal)
      #expect(next.apiKey?.expiresAt?.seconds == now + 100)
      // Nor by a chain of them.
      #expect(
        await refusal { _ = try await create(now + 101, by: next.secret) }?.field == "expires_at")
      // An admin's word on others' keys holds as long as it says.
      if !owner.isEmpty {
        #expect(try await create(nil, for: owner, by: mortal).apiKey?.expiresAt == nil)
      }
      #expect(try await create(nil, by: lasting).apiKey?.expiresAt == nil)
    }
  }

  @Test func `a key that was revoked meanwhile makes no other`() async throws {
    let fixture = try await ServiceFixture()
    let viewer = try await fixture.principal("viewer", [.viewer])
    // Accepted while it was good.
    let call = try fixture.call(viewer, Methods.createApiKey.erased)
    let key = try fixture.caller(viewer).key.rawValue
    _ = try await fixture.auth.revokeApiKey(
      .with { $0.apiKeyId = key }, context: try fixture.admin(Methods.revokeApiKey.erased))
    let late = await refusal {
      _ = try await fixture.auth.createApiKey(CreateApiKeyRequest(), context: call)
    }
    #expect(late?.code == .unauthenticated)
  }

  @Test func `the last key of an admin that lasts cannot be revoked, whoever else there is`()
    async throws
  {
    let fixture = try await ServiceFixture()
    func revoke(_ secret: String, by caller: String? = nil) async throws {
      let key = try fixture.caller(secret).key.rawValue
      _ = try await fixture.auth.revokeApiKey(
        .with { $0.apiKeyId = key },
        context: try fixture.call(caller ?? fixture.secret, Methods.revokeApiKey.erased))
    }
    // None of these stands in for it: another role, another org's admin, a key that expires, an admin without a key.
    _ = try await fixture.principal("operator", [.operator])
    _ = try await fixture.otherOrg()
    let now = StoreClock.nowMilliseconds() / 1_000
    let expiring = try await fixture.auth.createApiKey(
      .with { $0.expiresAt = .with { $0.seconds = now + 1_000 } },
      context: try fixture.admin(Methods.createApiKey.erased)
    ).secret
    let keyless = try await fixture.auth.createPrincipal(
      .with {
        $0.principal = .with {
          $0.name = "keyless"
          $0.kind = .user
          $0.roles = [.admin]
        }
      }, context: try fixture.admin(Methods.createPrincipal.erased))
    let before = try fixture.revision()
    for caller in [fixture.secret, expiring] {
      let error = await refusal { try await revoke(fixture.secret, by: caller) }
      #expect(error?.code == .failedPrecondition)
      #expect(error?.reason == "LAST_ADMIN")
    }
    let id = try fixture.caller(fixture.secret).principal.rawValue
    let disabled = await refusal {
      _ = try await fixture.auth.updatePrincipal(
        .with {
          $0.principal = .with {
            $0.id = id
            $0.disabled = true
          }
          $0.updateMask = .with { $0.paths = ["disabled"] }
        }, context: try fixture.admin(Methods.updatePrincipal.erased))
    }
    #expect(disabled?.reason == "LAST_ADMIN")
    #expect(try fixture.revision() == before)
    // One that expires may always go, and with another that lasts so may the first.
    try await revoke(expiring)
    let other = try await fixture.auth.createApiKey(
      .with { $0.principalId = keyless.principal?.id ?? "" },
      context: try fixture.admin(Methods.createApiKey.erased)
    ).secret
    try await revoke(fixture.secret)
    let last = await refusal { try await revoke(other, by: other) }
    #expect(last?.reason == "LAST_ADMIN")
  }

  @Test func `the last enabled admin cannot be taken away`() async throws {
    let fixture = try await ServiceFixture()
    let id = try fixture.caller(fixture.secret).principal.rawValue
    for path in ["roles", "disabled"] {
      let error = await refusal {
        _ = try await fixture.auth.updatePrincipal(
          .with {
            $0.principal = .with {
              $0.id = id
              $0.roles = [.viewer]
              $0.disabled = true
            }
            $0.updateMask = .with { $0.paths = [path] }
          }, context: try fixture.admin(Methods.updatePrincipal.erased))
      }
      #expect(error?.code == .failedPrecondition)
      #expect(error?.reason == "LAST_ADMIN")
    }
    _ = try await fixture.principal("second", [.admin])
    let response = try await fixture.auth.updatePrincipal(
      .with {
        $0.principal = .with {
          $0.id = id
          $0.roles = [.viewer]
        }
      }, context: try fixture.admin(Methods.updatePrincipal.erased))
    #expect(response.principal?.roles == [.viewer])
  }

  @Test func `two orgs cannot see each other`() async throws {
    let fixture = try await ServiceFixture()
    let other = try await fixture.otherOrg()
    let admin = try fixture.caller(fixture.secret)
    let stranger = try fixture.caller(other)
    #expect(admin.org != stranger.org)
    let principal = await refusal {
      _ = try await fixture.auth.getPrincipal(
        .with { $0.principalId = admin.principal.rawValue },
        context: try fixture.call(other, Methods.getPrincipal.erased))
    }
    #expect(principal?.code == .notFound)
    let org = await refusal {
      _ = try await fixture.auth.getOrg(
        .with { $0.orgId = admin.org.rawValue },
        context: try fixture.call(other, Methods.getOrg.erased))
    }
    #expect(org?.code == .notFound)
    let key = await refusal {
      _ = try await fixture.auth.revokeApiKey(
        .with { $0.apiKeyId = admin.key.rawValue },
        context: try fixture.call(other, Methods.revokeApiKey.erased))
    }
    #expect(key?.code == .notFound)
    let orgs = try await fixture.auth.listOrgs(
      ListOrgsRequest(), context: try fixture.call(other, Methods.listOrgs.erased))
    #expect(orgs.orgs.map(\.name) == ["other"])
    #expect(orgs.totalSize == 1)
    let all = try await fixture.auth.listOrgs(
      ListOrgsRequest(), context: try fixture.admin(Methods.listOrgs.erased))
    #expect(all.orgs.map(\.name) == ["other", "default"])
    let created = await refusal { _ = try await fixture.otherOrg("other") }
    #expect(created?.reason == "RESOURCE_EXISTS")
    let forbidden = await refusal {
      _ = try await fixture.auth.createOrg(
        .with { $0.org = .with { $0.name = "third" } },
        context: try fixture.call(other, Methods.createOrg.erased))
    }
    #expect(forbidden?.code == .permissionDenied)
  }

  @Test func `who is no admin sees and revokes only its own keys`() async throws {
    let fixture = try await ServiceFixture()
    let viewer = try await fixture.principal("viewer", [.viewer])
    let admin = try fixture.caller(fixture.secret)
    let mine = try await fixture.auth.listApiKeys(
      ListApiKeysRequest(), context: try fixture.call(viewer, Methods.listApiKeys.erased))
    #expect(mine.apiKeys.map(\.hint) == [String(viewer.prefix(8))])
    let listed = await refusal {
      _ = try await fixture.auth.listApiKeys(
        .with { $0.principalId = admin.principal.rawValue },
        context: try fixture.call(viewer, Methods.listApiKeys.erased))
    }
    #expect(listed?.code == .permissionDenied)
    let revoked = await refusal {
      _ = try await fixture.auth.revokeApiKey(
        .with { $0.apiKeyId = admin.key.rawValue },
        context: try fixture.call(viewer, Methods.revokeApiKey.erased))
    }
    #expect(revoked?.code == .notFound)
    let created = await refusal {
      _ = try await fixture.auth.createApiKey(
        .with { $0.principalId = admin.principal.rawValue },
        context: try fixture.call(viewer, Methods.createApiKey.erased))
    }
    #expect(created?.code == .permissionDenied)
  }
}
