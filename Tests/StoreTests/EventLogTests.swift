import SQL
import Testing

@testable import Store

@Suite struct EventLogTests {
  private func fill(_ store: Store, _ count: Int, orgs: [String] = ["org-1", "org-2"]) async throws
  {
    for index in 0..<count {
      try await store.write {
        _ = try $0.append(.sample(org: orgs[index % orgs.count], "\(index)"))
      }
    }
  }

  @Test func `revisions go on after everything was compacted and the store reopened`() async throws
  {
    let temporary = try TemporaryStore()
    try await fill(temporary.store, 10)
    try await temporary.store.compact(through: .max)
    #expect(try temporary.store.read { try $0.revision() } == 10)
    try temporary.reopen()
    #expect(try await temporary.store.write { try $0.append(.sample("next")) } == 11)
    let (events, anchor, floor) = try temporary.store.read { tx in
      let log = EventLog(tx)
      return (
        try log.page(after: 0, org: nil, limit: 10), try log.anchor(org: "org-1"),
        try log.floor()
      )
    }
    #expect(events.map(\.revision) == [11])
    #expect(floor == 10)
    #expect(EventChain.firstBreak(in: events, after: anchor) == nil)
    #expect(anchor != EventChain.start)
  }

  @Test(arguments: 0...9)
  func `each org's chain verifies from its anchor wherever the log was cut`(cut: Int) async throws {
    let temporary = try TemporaryStore()
    try await fill(temporary.store, 9)
    try await temporary.store.compact(through: Int64(cut))
    try temporary.store.read { tx in
      let log = EventLog(tx)
      for org in ["org-1", "org-2"] {
        let events = try log.page(after: 0, org: org, limit: 100)
        #expect(EventChain.firstBreak(in: events, after: try log.anchor(org: org)) == nil)
        #expect(events.allSatisfy { $0.revision > cut })
      }
      #expect(try log.floor() == cut)
    }
  }

  @Test func `a changed, removed, moved or foreign event breaks the chain there`() async throws {
    let temporary = try TemporaryStore()
    try await fill(temporary.store, 6, orgs: ["org-1"])
    let events = try temporary.store.read {
      try EventLog($0).page(after: 0, org: "org-1", limit: 100)
    }
    #expect(EventChain.firstBreak(in: events, after: EventChain.start) == nil)
    var changed = events
    var event = changed[2].event
    event.actor = "somebody else"
    changed[2] = LoggedEvent(
      revision: changed[2].revision, createdAtMilliseconds: changed[2].createdAtMilliseconds,
      chainHash: changed[2].chainHash, event: event)
    #expect(EventChain.firstBreak(in: changed, after: EventChain.start) == 3)
    var removed = events
    removed.remove(at: 3)
    #expect(EventChain.firstBreak(in: removed, after: EventChain.start) == 5)
    var swapped = events
    swapped.swapAt(1, 2)
    #expect(EventChain.firstBreak(in: swapped, after: EventChain.start) == 3)
    #expect(EventChain.firstBreak(in: events, after: [UInt8](repeating: 1, count: 32)) == 1)
  }

  @Test func `lengths are part of the hash, so text cannot move between fields`() {
    var a = NewEvent.sample("x")
    var b = a
    a.actor = "ab"
    a.method = "c"
    b.actor = "a"
    b.method = "bc"
    #expect(
      EventChain.hash(after: EventChain.start, revision: 1, createdAtMilliseconds: 1, a)
        != EventChain.hash(after: EventChain.start, revision: 1, createdAtMilliseconds: 1, b))
  }

  @Test func `the audit lists newest first, of a resource with its children, page by page`()
    async throws
  {
    let temporary = try TemporaryStore()
    try await temporary.store.write { tx in
      for index in 0..<5 {
        var rollout = NewEvent.sample("rollout-\(index)")
        rollout.parentID = "deployment-1"
        rollout.kind = index.isMultiple(of: 2) ? "rollout.advanced" : "rollout.paused"
        try tx.append(rollout)
        // One that names itself as its parent is listed once.
        var own = NewEvent.sample("deployment-1")
        if index == 0 { own.parentID = "deployment-1" }
        try tx.append(own)
        try tx.append(.sample("deployment-2"))
      }
    }
    try temporary.store.read { (tx) throws in
      let log = EventLog(tx)
      let history = EventLog.History(org: "org-1", resourceID: "deployment-1")
      func list(
        _ page: Page, _ history: EventLog.History = history
      ) throws -> (revisions: [Int64], next: String?) {
        let total = history.kinds.isEmpty ? 10 : 5
        #expect(try log.count(history, upTo: 100) == total)
        #expect(try log.count(history, upTo: total - 1) == total - 1)
        let (items, hasMore) = try log.rows(page, of: history)
        return (items.map(\.revision), hasMore ? items.last.map { "\($0.revision)" } : nil)
      }
      #expect(try list(Page(limit: 4)) == ([14, 13, 11, 10], "10"))
      #expect(try list(Page(limit: 4, after: "10")) == ([8, 7, 5, 4], "4"))
      #expect(try list(Page(limit: 4, after: "4")) == ([2, 1], nil))
      #expect(try list(Page(limit: 10)).next == nil)
      #expect(try list(Page(limit: 3, skip: 2)) == ([11, 10, 8], "8"))
      #expect(try list(Page(limit: 3, order: .oldestFirst)) == ([1, 2, 4], "4"))
      #expect(
        try list(Page(limit: 9, after: "4", skip: 1, order: .oldestFirst))
          == ([7, 8, 10, 11, 13, 14], nil))
      var rollouts = history
      rollouts.kinds = ["rollout.advanced", "rollout.paused"]
      #expect(try list(Page(limit: 2), rollouts) == ([13, 10], "10"))
      // Five of its own and five of its rollouts.
      for (limit, count) in [(3, 3), (5, 5), (7, 7), (11, 10)] {
        #expect(try log.count(history, upTo: limit) == count)
      }
      #expect(try log.count(rollouts, upTo: 3) == 3)
      for other in [("org-1", "deployment-9"), ("org-2", "deployment-1")] {
        let nothing = EventLog.History(org: other.0, resourceID: other.1)
        #expect(try log.rows(Page(limit: 4), of: nothing).items.isEmpty)
        #expect(try log.count(nothing, upTo: 10) == 0)
      }
    }
  }

  @Test(arguments: [["a"], ["b", "c"], ["a", "child-a", "none"], ["none"]])
  func `pages of some resources hold what pages of the org do`(
    resources: Set<String>
  ) async throws {
    let temporary = try TemporaryStore()
    try await temporary.store.write { tx in
      for index in 0..<120 {
        let name = ["a", "b", "c", "d", "e", "f"][index * 7 % 6]
        var event = NewEvent.sample(name)
        if index.isMultiple(of: 3) {
          event.resourceID = "child-\(name)"
          event.parentID = name
        }
        try tx.append(event)
      }
    }
    let filter = WatchFilter(org: "org-1", resourceIDs: resources)
    try temporary.store.read { tx in
      let log = EventLog(tx)
      let all = try log.page(after: 0, org: "org-1", limit: 200)
        .filter { filter.matches($0.event) }.map(\.revision)
      var (found, revision, pages): ([Int64], Int64, Int) = ([], 0, 0)
      while revision < 120 {
        let page = try log.page(
          after: revision, org: "org-1", resources: resources, limit: 40)
        found += page.events.map(\.revision)
        revision = page.through ?? 120
        pages += 1
      }
      #expect(found == all)
      #expect(pages <= 1 + all.count / 16 + resources.count)
    }
  }

  @Test func `retention by time stops at the first event that is young enough`() async throws {
    let temporary = try TemporaryStore()
    try await fill(temporary.store, 5, orgs: ["org-1"])
    // Times as a clock that went back would leave them: revision 4 is older than revision 3.
    try await temporary.store.write { tx in
      for (revision, time) in [(1, 10), (2, 20), (3, 100), (4, 30), (5, 200)] {
        try tx.connection.execute(
          "UPDATE events SET created_at_ms = $1 WHERE revision = $2", time, revision)
      }
      _ = try EventLog.compact(createdBefore: 100, now: 200, limit: 100, in: tx.connection)
    }
    let kept = try temporary.store.read {
      try EventLog($0).page(after: 0, org: nil, limit: 10).map(\.revision)
    }
    #expect(kept == [3, 4, 5])
  }
}
