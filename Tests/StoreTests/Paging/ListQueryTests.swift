import Domain
import Testing

@testable import Store

@Suite struct ListQueryTests {
  let org = OrgID("o1")

  func filled(_ count: Int) async throws -> TemporaryStore {
    let temporary = try TemporaryStore()
    try await temporary.store.write { tx in
      let time = Timestamp(milliseconds: 1)
      try Orgs(tx).insert(
        Org(
          id: org, name: "o1", displayName: "", isRoot: false, createdAt: time, updatedAt: time,
          revision: 1))
      for index in 0..<count {
        try Models(tx).insert(
          Model(
            id: ModelID("m\(index)"), org: org, name: "n\(index)", displayName: "",
            description: "", labels: .empty, createdAt: time, updatedAt: time, revision: 1))
      }
    }
    return temporary
  }

  @Test(
    "A walk over the pages meets every row once, in order",
    arguments: [
      (7, 1), (7, 2), (7, 3), (7, 6), (7, 7), (7, 8), (1, 1), (0, 5),
    ], [Page.Order.newestFirst, .oldestFirst])
  func walk(shape: (rows: Int, limit: Int), order: Page.Order) async throws {
    let temporary = try await filled(shape.rows)
    var seen: [String] = []
    var page = Page(limit: shape.limit, order: order)
    var pages = 0
    repeat {
      let listing = try temporary.store.read { try Models($0).list(page, org: org) }
      #expect(listing.items.count <= shape.limit)
      #expect(listing.total == shape.rows)
      seen += listing.items.map(\.id.rawValue)
      page.after = listing.next
      pages += 1
    } while page.after != nil && pages < 20
    let expected = (0..<shape.rows).map { "m\($0)" }
    #expect(seen == (order == .oldestFirst ? expected : expected.reversed()))
    #expect(pages == max(1, (shape.rows + shape.limit - 1) / shape.limit))
  }

  @Test(
    "Skipping leaves rows out from where the page begins",
    arguments: [
      (0, String?.none, ["m0", "m1"]), (2, nil, ["m2", "m3"]), (4, nil, ["m4"]), (5, nil, []),
      (1, "m1", ["m3", "m4"]),
    ]) func skip(skip: Int, after: String?, expected: [String]) async throws
  {
    let temporary = try await filled(5)
    let listing = try temporary.store.read {
      try Models($0).list(
        Page(limit: 2, after: after, skip: skip, order: .oldestFirst), org: org)
    }
    #expect(listing.items.map(\.id.rawValue) == expected)
    #expect(listing.total == 5)
  }

  @Test func `rows inserted during a walk neither repeat nor shift what is listed`() async throws {
    let temporary = try await filled(4)
    let first = try temporary.store.read { try Models($0).list(Page(limit: 2), org: org) }
    #expect(first.items.map(\.id.rawValue) == ["m3", "m2"])
    try await temporary.store.write { tx in
      try Models(tx).insert(
        Model(
          id: ModelID("m9"), org: org, name: "n9", displayName: "", description: "",
          labels: .empty, createdAt: Timestamp(milliseconds: 1),
          updatedAt: Timestamp(milliseconds: 1), revision: 1))
    }
    let second = try temporary.store.read {
      try Models($0).list(Page(limit: 2, after: first.next), org: org)
    }
    #expect(second.items.map(\.id.rawValue) == ["m1", "m0"])
    #expect(second.next == nil)
  }

  @Test func `an empty set of values matches nothing`() async throws {
    let temporary = try await filled(2)
    try temporary.store.read { db throws in
      var query = ListQuery("id", from: "models")
      query.filter("id IN (?)", [])
      #expect(try query.count(in: db.connection, upTo: 10) == 0)
      var both = ListQuery("id", from: "models")
      both.filter("org = ?", ["o1"])
      both.filter("id IN (?)", ["m0", "m1", "m7"])
      #expect(try both.count(in: db.connection, upTo: 10) == 2)
      #expect(try both.count(in: db.connection, upTo: 1) == 1)
    }
  }

  @Test(
    "A page ends before the entry that exceeds its bytes, but not before the first",
    arguments: [(0, 1), (39, 1), (40, 2), (79, 3), (80, 4), (1_000, 5)])
  func bytes(limit: Int, expected: Int) async throws {
    let temporary = try await filled(6)
    var page = Page(limit: 5, order: .oldestFirst)
    page.byteLimit = limit
    let listing = try temporary.store.read { [page] db in
      try Models(db).list(page, org: org) { ($0.id.rawValue, bytes: 20) }
    }
    #expect(listing.items == (0..<expected).map { "m\($0)" })
    #expect(listing.next == listing.items.last)
    #expect(listing.total == 6)
  }

  @Test(
    "A list is short when an index leaves at most a thousand rows",
    arguments: [
      (ListQuery.shortLength, [], true), (ListQuery.shortLength + 1, [], false),
      (ListQuery.shortLength + 1, [Condition<Model>.name("n1")], true),
      (ListQuery.shortLength + 1, [.isOpen], false),
      (ListQuery.shortLength + 1, [.isOpen, .name("n1")], true),
    ])
  func short(rows: Int, conditions: [Condition<Model>], isShort: Bool) async throws {
    let temporary = try await filled(rows)
    #expect(
      try temporary.store.read { try Models($0).isShort(org: org, conditions) } == isShort)
  }

  @Test func `a total counts up to its limit`() async throws {
    let limit = Listing<Model>.countLimit
    let temporary = try await filled(limit + 5)
    let listing = try temporary.store.read { try Models($0).list(Page(limit: 1), org: org) }
    #expect(listing.total == limit)
    #expect(listing.next == listing.items.last?.id.rawValue)
  }
}
