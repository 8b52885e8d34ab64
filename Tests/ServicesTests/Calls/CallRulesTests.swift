import API
import Domain
import ProtoWire
import RPCCore
import Store
import Testing

@testable import Services

/// The rules every call keeps, on methods of AuthService.
@Suite struct CallRulesTests {
  typealias Methods = AuthServiceMethods

  func request(_ name: String, id: String = "", validateOnly: Bool = false)
    -> CreatePrincipalRequest
  {
    .with {
      $0.principal = .with {
        $0.name = name
        $0.kind = .user
        $0.roles = [.viewer]
      }
      $0.requestId = id
      $0.validateOnly = validateOnly
    }
  }

  func create(_ fixture: ServiceFixture, _ request: CreatePrincipalRequest) async throws
    -> CreatePrincipalResponse
  {
    try await fixture.auth.createPrincipal(
      request, context: try fixture.admin(Methods.createPrincipal.erased))
  }

  @Test func `a repeated request id is answered with the first response and changes nothing`()
    async throws
  {
    let fixture = try await ServiceFixture()
    let first = try await create(fixture, request("bot", id: "r1"))
    let revision = try fixture.revision()
    let second = try await create(fixture, request("bot", id: "r1"))
    #expect(second == first)
    #expect(try fixture.revision() == revision)
  }

  @Test func `a request id with another body is refused`() async throws {
    let fixture = try await ServiceFixture()
    _ = try await create(fixture, request("bot", id: "r1"))
    let error = await refusal { _ = try await create(fixture, request("cat", id: "r1")) }
    #expect(error?.code == .alreadyExists)
    #expect(error?.reason == "REQUEST_ID_REUSED")
  }

  @Test func `a request id belongs to its caller`() async throws {
    let fixture = try await ServiceFixture()
    let second = try await fixture.principal("second", [.admin])
    let first = try await create(fixture, request("bot", id: "r1"))
    let error = await refusal {
      _ = try await fixture.auth.createPrincipal(
        request("bot", id: "r1"),
        context: try fixture.call(second, Methods.createPrincipal.erased))
    }
    #expect(first.principal?.name == "bot")
    #expect(error?.reason == "RESOURCE_EXISTS")
  }

  @Test(
    "A request id has at most 64 bytes", arguments: [(64, true), (65, false)])
  func requestIDs(length: Int, isAccepted: Bool) async throws {
    let fixture = try await ServiceFixture()
    let id = String(repeating: "r", count: length)
    if isAccepted {
      #expect(try await create(fixture, request("bot", id: id)).principal?.name == "bot")
    } else {
      let error = await refusal { _ = try await create(fixture, request("bot", id: id)) }
      #expect(error?.field == "request_id")
      #expect(error?.message == "request_id: 65 bytes exceed 64")
    }
  }

  @Test func `a dry run answers like the change and leaves nothing behind`() async throws {
    let fixture = try await ServiceFixture()
    let revision = try fixture.revision()
    let dry = try await create(fixture, request("bot", id: "r1", validateOnly: true))
    #expect(dry.principal?.name == "bot")
    #expect(try fixture.revision() == revision)
    let listed = try await fixture.auth.listPrincipals(
      ListPrincipalsRequest(), context: try fixture.admin(Methods.listPrincipals.erased))
    #expect(listed.principals.map(\.name) == ["admin"])
    // Neither is its request id taken.
    #expect(try await create(fixture, request("cat", id: "r1")).principal?.name == "cat")
    let error = await refusal {
      _ = try await create(fixture, request("cat", validateOnly: true))
    }
    #expect(error?.reason == "RESOURCE_EXISTS")
  }

  @Test func `an etag that is no longer current is refused with the current one`() async throws {
    let fixture = try await ServiceFixture()
    let created = try #require(try await create(fixture, request("bot")).principal)
    func rename(_ name: String, etag: String) async throws -> API.Principal? {
      try await fixture.auth.updatePrincipal(
        .with {
          $0.principal = .with {
            $0.id = created.id
            $0.displayName = name
          }
          $0.etag = etag
        }, context: try fixture.admin(Methods.updatePrincipal.erased)
      ).principal
    }
    let renamed = try #require(try await rename("One", etag: created.etag))
    #expect(renamed.displayName == "One")
    #expect(renamed.etag != created.etag)
    let error = await refusal { _ = try await rename("Two", etag: created.etag) }
    #expect(error?.code == .aborted)
    #expect(error?.reason == "ETAG_MISMATCH")
    #expect(error?.message.contains(renamed.etag) == true)
    #expect(try await rename("Three", etag: "")?.displayName == "Three")
  }

  /// Renames the caller's org and refuses all the same.
  private func renameAndRefuse(
    _ fixture: ServiceFixture, id: String = "", validateOnly: Bool = false
  ) async -> RPCError? {
    await refusal {
      _ = try await fixture.rules.decide(
        request("late", id: id, validateOnly: validateOnly),
        try fixture.admin(Methods.createPrincipal.erased)
      ) { mutation -> Decision<CreatePrincipalResponse> in
        var org = try #require(try Orgs(mutation.tx).find(mutation.caller.org))
        org.displayName += "!"
        try Orgs(mutation.tx).update(org)
        try mutation.record("updated", .org, id: org.id.rawValue)
        return .refused(
          .precondition(.resourceDisabled, .org, org.id.rawValue, "it came too late"))
      }
    }
  }

  @Test func `a change may be kept and its caller refused, once for a request id`() async throws {
    let fixture = try await ServiceFixture()
    let org = try fixture.caller(fixture.secret).org
    func name() throws -> String? { try fixture.store.read { try Orgs($0).find(org) }?.displayName }
    let revision = try fixture.revision()
    let first = await renameAndRefuse(fixture, id: "r1")
    #expect(first?.code == .failedPrecondition)
    #expect(first?.reason == "RESOURCE_DISABLED")
    #expect(try name() == "Default!")
    #expect(try fixture.revision() == revision + 1)
    // A repeat is told the same and changes nothing more.
    #expect(await renameAndRefuse(fixture, id: "r1") == first)
    #expect(try name() == "Default!")
    #expect(try fixture.revision() == revision + 1)
    // The same id with another body is another mistake.
    let other = await refusal { _ = try await create(fixture, request("bot", id: "r1")) }
    #expect(other?.reason == "REQUEST_ID_REUSED")
    // Without an id it is carried out each time; a dry run is refused and keeps nothing.
    #expect(await renameAndRefuse(fixture)?.message == first?.message)
    #expect(await renameAndRefuse(fixture, validateOnly: true)?.message == first?.message)
    #expect(try name() == "Default!!")
  }

  @Test(
    "A page has 50 entries by default and 200 at most",
    arguments: [(Int32(0), 50), (1, 1), (49, 49), (200, 200), (201, 200), (.max, 200)])
  func pageSizes(asked: Int32, expected: Int) async throws {
    let fixture = try await ServiceFixture()
    var request = ListPrincipalsRequest()
    request.pageSize = asked
    let walk = try PageWalk(
      request, try fixture.caller(fixture.secret), try fixture.admin(Methods.listPrincipals.erased),
      fixture.store.pageTokens)
    #expect(walk.page.limit == expected)
  }

  @Test("At most 10,000 entries are skipped", arguments: [Int32(0), 1, 10_000, 10_001, .max])
  func skips(skip: Int32) async throws {
    let fixture = try await ServiceFixture()
    let context = try fixture.admin(Methods.listPrincipals.erased)
    let request = ListPrincipalsRequest.with { $0.skip = skip }
    guard skip > 10_000 else {
      let page = try await fixture.auth.listPrincipals(request, context: context)
      #expect(page.principals.count == (skip == 0 ? 1 : 0))
      #expect(page.totalSize == 1)
      return
    }
    let error = await refusal {
      _ = try await fixture.auth.listPrincipals(request, context: context)
    }
    #expect(error?.code == .invalidArgument)
    #expect(error?.field == "skip")
    #expect(
      error?.message
        == "skip: \(skip) exceeds 10000: walk by page_token, or narrow the list")
  }

  @Test func `a walk through more than a loop reads meets everything once, within its bounds`()
    async throws
  {
    let fixture = try await ServiceFixture()
    let org = try fixture.caller(fixture.secret).org
    let count = 1_100
    // Each with so long a description that a page of 200 exceeds what an answer may hold.
    let description = String(repeating: "x", count: 4_096)
    let labels = Labels(
      unchecked: Dictionary(
        uniqueKeysWithValues: (0..<20).map {
          ("key-\($0)", String(repeating: "v", count: 255))
        }))
    try await fixture.store.write { tx in
      let now = Timestamp(milliseconds: tx.nowMilliseconds)
      for index in 0..<count {
        try Models(tx).insert(
          Domain.Model(
            id: ModelID(tx.makeID()), org: org, name: "m\(index)", displayName: "",
            description: description, labels: labels, createdAt: now, updatedAt: now, revision: 1))
      }
    }
    let catalog = CatalogService(rules: fixture.rules, files: fixture.files)
    let context = try fixture.admin(CatalogServiceMethods.listModels.erased)
    var request = ListModelsRequest.with {
      $0.pageSize = 200
      $0.order = .oldestFirst
    }
    var names: [String] = []
    repeat {
      let page = try await catalog.listModels(request, context: context)
      #expect(Int(page.totalSize) == count)
      #expect(page.models.count < 200)
      #expect(page.serialized().count < (1 << 20) + 4_096)
      names += page.models.map(\.name)
      request.pageToken = page.nextPageToken
    } while !request.pageToken.isEmpty && names.count <= count
    #expect(names == (0..<count).map { "m\($0)" })
    // A name leads to its row, however many there are.
    let one = try await catalog.listModels(.with { $0.name = "m7" }, context: context)
    #expect(one.models.map(\.name) == ["m7"])
    #expect(one.totalSize == 1)
  }

  @Test func `a walk meets everything once; its tokens serve nothing else`() async throws {
    let fixture = try await ServiceFixture()
    for index in 0..<5 { _ = try await create(fixture, request("bot-\(index)")) }
    var list = ListPrincipalsRequest()
    list.pageSize = 2
    list.order = .oldestFirst
    var names: [String] = []
    var tokens: [String] = []
    repeat {
      let page = try await fixture.auth.listPrincipals(
        list, context: try fixture.admin(Methods.listPrincipals.erased))
      #expect(page.totalSize == 6)
      names += page.principals.map(\.name)
      list.pageToken = page.nextPageToken
      tokens.append(page.nextPageToken)
    } while !list.pageToken.isEmpty
    #expect(names == ["admin", "bot-0", "bot-1", "bot-2", "bot-3", "bot-4"])
    #expect(tokens.count == 3)
    for change in 0..<4 {
      var other = list
      other.pageToken = tokens[0]
      switch change {
      case 0: other.role = .viewer
      case 1: other.order = .newestFirst
      case 2: other.pageToken = String(tokens[0].dropLast())
      default: other.pageToken = "!"
      }
      let error = await refusal { [other] in
        _ = try await fixture.auth.listPrincipals(
          other, context: try fixture.admin(Methods.listPrincipals.erased))
      }
      #expect(error?.code == .invalidArgument)
      #expect(error?.reason == "INVALID_PAGE_TOKEN")
      #expect(error?.field == "page_token")
    }
  }

  @Test(
    "Wrong page fields are named",
    arguments: [
      ("page_size", Int32(-1), Int32(0), Int32(0)), ("skip", 0, -1, 0), ("order", 0, 0, 9),
    ])
  func wrongPages(field: String, size: Int32, skip: Int32, order: Int32) async throws {
    let fixture = try await ServiceFixture()
    let error = await refusal {
      _ = try await fixture.auth.listPrincipals(
        .with {
          $0.pageSize = size
          $0.skip = skip
          $0.order = SortOrder(rawValue: order)
        }, context: try fixture.admin(Methods.listPrincipals.erased))
    }
    #expect(error?.field == field)
  }

  @Test func `a call without a caller is unauthenticated`() async throws {
    let fixture = try await ServiceFixture()
    let error = await refusal {
      _ = try await fixture.auth.whoAmI(
        WhoAmIRequest(), context: ServerContext(method: Methods.whoAmI.erased))
    }
    #expect(error?.code == .unauthenticated)
  }
}
