import Domain
import Testing

@testable import Store

@Suite struct AuthRepositoriesTests {
  let time = Timestamp(milliseconds: 1_700_000_000_123)

  func org(_ id: String, name: String? = nil, isRoot: Bool = false) -> Org {
    Org(
      id: OrgID(id), name: name ?? id, displayName: "Org \(id)", isRoot: isRoot, createdAt: time,
      updatedAt: time, revision: 7)
  }

  func principal(
    _ id: String, org: String = "o1", roles: Roles = .viewer, isDisabled: Bool = false,
    kind: Principal.Kind = .user
  ) -> Principal {
    Principal(
      id: PrincipalID(id), org: OrgID(org), kind: kind, name: "name-\(id)", displayName: "",
      roles: roles, isDisabled: isDisabled, createdAt: time, updatedAt: time, revision: 1)
  }

  @Test func `an org reads back as it was stored and updated`() async throws {
    let temporary = try TemporaryStore()
    var changed = org("o1", isRoot: true)
    changed.displayName = "Other"
    changed.revision = 9
    let update = changed
    try await temporary.store.write { tx in
      try Orgs(tx).insert(org("o1", isRoot: true))
      #expect(try Orgs(tx).root() == org("o1", isRoot: true))
      try Orgs(tx).update(update)
    }
    try temporary.store.read { db throws in
      #expect(try Orgs(db).find(OrgID("o1")) == update)
      #expect(try Orgs(db).find(OrgID("o2")) == nil)
    }
  }

  @Test func `a second root org is refused by the schema`() async throws {
    let temporary = try TemporaryStore()
    try await temporary.store.write { try Orgs($0).insert(org("o1", isRoot: true)) }
    await #expect {
      try await temporary.store.write { try Orgs($0).insert(org("o2", isRoot: true)) }
    } throws: { error in
      guard case .constraint(kind: "unique", name: _) = error as? StoreError else { return false }
      return true
    }
  }

  @Test func `principals are found only within their org`() async throws {
    let temporary = try TemporaryStore()
    try await temporary.store.write { tx in
      try Orgs(tx).insert(org("o1"))
      try Orgs(tx).insert(org("o2"))
      try Principals(tx).insert(principal("p1"))
    }
    try temporary.store.read { db throws in
      #expect(try Principals(db).find(PrincipalID("p1"), org: OrgID("o1")) == principal("p1"))
      #expect(try Principals(db).find(PrincipalID("p1"), org: OrgID("o2")) == nil)
      #expect(try Principals(db).list(Page(limit: 10), org: OrgID("o2")).items.isEmpty)
    }
  }

  @Test func `an update of another org's principal changes nothing`() async throws {
    let temporary = try TemporaryStore()
    var foreign = principal("p1", org: "o2", roles: .admin)
    foreign.revision = 99
    let update = foreign
    try await temporary.store.write { tx in
      try Orgs(tx).insert(org("o1"))
      try Orgs(tx).insert(org("o2"))
      try Principals(tx).insert(principal("p1"))
      try Principals(tx).update(update)
    }
    let stored = try temporary.store.read {
      try Principals($0).find(PrincipalID("p1"), org: OrgID("o1"))
    }
    #expect(stored == principal("p1"))
  }

  @Test func `a list of principals is narrowed by role and kind`() async throws {
    let temporary = try TemporaryStore()
    try await temporary.store.write { tx in
      try Orgs(tx).insert(org("o1"))
      try Principals(tx).insert(principal("p1", roles: [.viewer, .operator]))
      try Principals(tx).insert(principal("p2", roles: .admin, kind: .serviceAccount))
      try Principals(tx).insert(principal("p3", roles: .device, kind: .serviceAccount))
    }
    try temporary.store.read { db throws in
      func ids(_ roles: Roles?, _ kind: Principal.Kind?) throws -> [String] {
        let conditions: [Condition<Principal>?] = [
          roles.map { .roles($0) }, kind.map { .kind($0) },
        ]
        return try Principals(db).list(
          Page(limit: 10, order: .oldestFirst), org: OrgID("o1"), conditions.compactMap(\.self)
        ).items.map(\.id.rawValue)
      }
      #expect(try ids(nil, nil) == ["p1", "p2", "p3"])
      #expect(try ids(.operator, nil) == ["p1"])
      #expect(try ids(nil, .serviceAccount) == ["p2", "p3"])
      #expect(try ids(.viewer, .serviceAccount) == [])
    }
  }

  @Test func `a way in is an enabled admin's key that lasts, apart from those in question`()
    async throws
  {
    let temporary = try TemporaryStore()
    try await temporary.store.write { tx in
      func insert(
        _ id: String, of principal: String, expiresAt: Int64? = nil, isRevoked: Bool = false
      ) throws {
        var key = APIKey(
          id: KeyID(id), org: OrgID("o1"), principal: PrincipalID(principal), displayName: "",
          hint: "sk-hint1", createdAt: Timestamp(milliseconds: 1),
          expiresAt: expiresAt.map { Timestamp(milliseconds: $0) }, revision: 1)
        if isRevoked { key.revokedAt = Timestamp(milliseconds: 1) }
        try APIKeys(tx).insert(key, digest: Array(id.utf8))
      }
      func hasWayIn(apartFrom principal: String? = nil, key: String? = nil) throws -> Bool {
        try APIKeys(tx).hasWayIn(
          OrgID("o1"), apartFrom: principal.map { PrincipalID($0) }, key: key.map { KeyID($0) })
      }
      try Orgs(tx).insert(org("o1"))
      try Principals(tx).insert(principal("p1", roles: [.admin, .viewer]))
      #expect(try !hasWayIn(), "no key")
      try insert("expires", of: "p1", expiresAt: 1 << 40)
      try insert("revoked", of: "p1", isRevoked: true)
      try Principals(tx).insert(principal("p2", roles: .admin, isDisabled: true))
      try insert("disabled", of: "p2")
      try Principals(tx).insert(principal("p3", roles: .operator))
      try insert("operator", of: "p3")
      #expect(try !hasWayIn())
      try insert("lasts", of: "p1")
      #expect(try hasWayIn())
      #expect(try !hasWayIn(apartFrom: "p1"))
      #expect(try !hasWayIn(key: "lasts"))
      #expect(try hasWayIn(key: "expires"))
      #expect(try !APIKeys(tx).hasWayIn(OrgID("o2")))
    }
  }

  @Test func `a credential is found by the digest of its secret alone`() async throws {
    let temporary = try TemporaryStore()
    let digest = [UInt8](repeating: 3, count: 32)
    let key = APIKey(
      id: KeyID("k1"), org: OrgID("o1"), principal: PrincipalID("p1"), displayName: "laptop",
      hint: "sk-abcde", createdAt: time, expiresAt: Timestamp(milliseconds: 5), revision: 3)
    try await temporary.store.write { tx in
      try Orgs(tx).insert(org("o1", isRoot: true))
      try Principals(tx).insert(principal("p1", roles: .admin, isDisabled: true))
      try APIKeys(tx).insert(key, digest: digest)
    }
    try temporary.store.read { db throws in
      let credential = try #require(try APIKeys(db).credential(digest: digest))
      #expect(credential.key == key)
      #expect(credential.roles == .admin)
      #expect(credential.isDisabled)
      #expect(credential.isRootOrg)
      #expect(try APIKeys(db).credential(digest: [UInt8](repeating: 4, count: 32)) == nil)
      #expect(try APIKeys(db).find(KeyID("k1"), org: OrgID("o2")) == nil)
    }
  }
}
