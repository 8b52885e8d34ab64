import API
import Domain
import Store
import Testing

@testable import Services

@Suite struct AdminResetTests {
  @Test func `the machine's owner gets a key of an enabled admin again, and the log tells of it`()
    async throws
  {
    let fixture = try await ServiceFixture()
    // Locked out as an earlier version allowed it: the only admin disabled and no admin any more.
    let caller = try fixture.caller(fixture.secret)
    try await fixture.store.write { tx in
      var admin = try #require(try Principals(tx).find(caller.principal, org: caller.org))
      admin.isDisabled = true
      admin.roles = .viewer
      try Principals(tx).update(admin)
    }
    let before = try fixture.revision()
    let path = try await AdminReset.run(store: fixture.store, org: nil, principal: "admin")
    #expect(path == fixture.path + "/admin-2.key", "the key that is there stays")
    #expect(try ServiceFixture.text(of: fixture.path + "/admin.key") == fixture.secret)
    let again = try fixture.caller(try ServiceFixture.text(of: path))
    #expect(again.principal == caller.principal)
    #expect(again.isAdmin)
    let events = try fixture.store.read {
      try EventLog($0).page(after: before, org: caller.org.rawValue, limit: 10)
    }
    #expect(events.map(\.event.kind) == ["principal.updated", "api_key.created"])
    #expect(events.allSatisfy { $0.event.actor == "console" })
  }

  @Test func `a name that is nobody's leaves no key behind`() async throws {
    let fixture = try await ServiceFixture()
    let before = try fixture.revision()
    await #expect(throws: AdminReset.Failure.noPrincipal("nobody", org: "default")) {
      try await AdminReset.run(store: fixture.store, org: nil, principal: "nobody")
    }
    await #expect(throws: AdminReset.Failure.noOrg("none")) {
      try await AdminReset.run(store: fixture.store, org: "none", principal: "admin")
    }
    #expect(try SecretFile.read(fixture.path + "/admin-2.key") == nil)
    #expect(try fixture.revision() == before)
  }
}
