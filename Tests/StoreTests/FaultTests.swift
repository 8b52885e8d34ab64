import SQL
import Testing

@testable import Store

/// Fails every step of a transaction in turn and requires the store unchanged and usable.
@Suite struct FaultTests {
  private static let table = Migration(
    version: 1_000, name: "Things",
    sql: """
      CREATE TABLE things (
        id INTEGER NOT NULL, text TEXT NOT NULL, CONSTRAINT things_pkey PRIMARY KEY (id)
      ) STRICT;
      """)

  /// Without writes of the store's own, which would meet the failures in place of the test's.
  private static var quiet: StoreConfiguration {
    var configuration = StoreConfiguration()
    configuration.flushIntervalMilliseconds = 3_600_000
    configuration.firstSweepMilliseconds = 3_600_000
    return configuration
  }

  struct Case: Sendable, CustomTestStringConvertible {
    var error: SQLError
    var losesTransaction: Bool
    var expected: StoreError
    var testDescription: String { "\(error), loses transaction: \(losesTransaction)" }
  }

  static let cases: [Case] = [
    Case(error: .full, losesTransaction: false, expected: .storageFull),
    Case(error: .full, losesTransaction: true, expected: .storageFull),
    Case(
      error: .io(code: 10, "disk I/O error"), losesTransaction: false,
      expected: .failure("input/output error 10: disk I/O error")),
    Case(
      error: .io(code: 10, "disk I/O error"), losesTransaction: true,
      expected: .failure("input/output error 10: disk I/O error")),
    Case(error: .outOfMemory, losesTransaction: false, expected: .failure("out of memory")),
    Case(error: .busy, losesTransaction: false, expected: .locked),
    Case(error: .noDescriptor, losesTransaction: true, expected: .noDescriptor),
  ]

  private func write(_ store: Store, id: Int) async throws {
    try await store.write { tx in
      _ = try tx.idempotent(
        IdempotencyKey(org: "org-1", principal: "p", method: "m", requestID: "\(id)"),
        bodyDigest: [1]
      ) {
        try tx.connection.execute("INSERT INTO things (id, text) VALUES ($1, $2)", id, "new")
        try tx.append(.sample("\(id)"))
        try tx.connection.execute("UPDATE things SET text = $1 WHERE id = $2", "newer", id)
        try tx.append(.sample(org: "org-2", "\(id)"))
        return IdempotentResponse(bytes: [UInt8(truncatingIfNeeded: id)])
      }
    }
  }

  private struct Contents: Equatable {
    var things: [Int]
    var requests: Int
    var events: [LoggedEvent]
  }

  private func contents(_ store: Store) throws -> Contents {
    try store.read { tx in
      Contents(
        things: try tx.connection.all("SELECT id FROM things ORDER BY id") { try $0[0] },
        requests: try tx.connection.first("SELECT count(*) FROM idempotent_requests") {
          try $0[0]
        } ?? -1,
        events: try EventLog(tx).page(after: 0, org: nil, limit: 10_000))
    }
  }

  @Test(arguments: cases)
  func `after a failure at any step the store is unchanged and usable`(fault: Case) async throws {
    let path = TemporaryStore.folder()
    defer { TemporaryStore.remove(path) }
    let plan = FaultPlan()
    let store = try Store.open(
      path, Self.quiet, migrations: Migrations.all + [Self.table]
    ) { FaultEngine(inner: $0, plan: plan) }
    defer { store.close() }
    try await write(store, id: 0)
    var steps = 0
    for step in 1... {
      let before = try contents(store)
      plan.arm(step, fault.error, losesTransaction: fault.losesTransaction)
      let outcome: StoreError?
      do {
        try await write(store, id: step)
        outcome = nil
      } catch let error as StoreError {
        outcome = error
      }
      guard plan.disarm() else {
        #expect(outcome == nil)
        steps = step
        break
      }
      #expect(outcome == fault.expected, "step \(step)")
      #expect(try contents(store) == before, "step \(step)")
      // Usable: the same request succeeds now, and its events follow without a gap.
      try await write(store, id: step)
    }
    // BEGIN, idempotency read, insert, event, update, event, response, COMMIT.
    #expect(steps > 8)
    let after = try contents(store)
    #expect(after.things == Array(0...steps))
    #expect(after.events.map(\.revision) == Array(1...Int64(2 * (steps + 1))))
    for org in ["org-1", "org-2"] {
      let chain = after.events.filter { $0.event.org == org }
      #expect(EventChain.firstBreak(in: chain, after: EventChain.start) == nil)
    }
  }

  @Test(arguments: cases)
  func `a failure hits its own batch and no write is acknowledged that is not there`(
    fault: Case
  ) async throws {
    let path = TemporaryStore.folder()
    defer { TemporaryStore.remove(path) }
    let plan = FaultPlan()
    let store = try Store.open(
      path, Self.quiet, migrations: Migrations.all + [Self.table]
    ) { FaultEngine(inner: $0, plan: plan) }
    defer { store.close() }
    var random = SplitMix(seed: 11)
    var acknowledged: Set<Int> = []
    for round in 0..<30 {
      plan.arm(
        Int.random(in: 1...200, using: &random), fault.error,
        losesTransaction: fault.losesTransaction)
      let kept = await withTaskGroup(of: Int?.self) { group in
        for index in 0..<20 {
          let id = round * 20 + index
          group.addTask {
            do {
              try await write(store, id: id)
              return id
            } catch {
              return nil
            }
          }
        }
        return await group.reduce(into: Set<Int>()) { kept, id in if let id { kept.insert(id) } }
      }
      _ = plan.disarm()
      acknowledged.formUnion(kept)
      #expect(Set(try contents(store).things) == acknowledged, "round \(round)")
    }
    #expect(acknowledged.count < 600 && acknowledged.count > 100)
    let events = try contents(store).events
    #expect(events.map(\.revision) == Array(1...Int64(events.count)))
    for org in ["org-1", "org-2"] {
      let chain = events.filter { $0.event.org == org }
      #expect(EventChain.firstBreak(in: chain, after: EventChain.start) == nil)
    }
  }

  @Test func `a full disk refuses writes, serves reads, and recovers when space returns`()
    async throws
  {
    var configuration = StoreConfiguration()
    configuration.maximumPages = 512
    let temporary = try TemporaryStore(configuration)
    let store = temporary.store
    var written: Int64 = 0
    var refusal: StoreError?
    while refusal == nil, written < 1_000 {
      do {
        written = try await store.write { tx in
          var event = NewEvent.sample("large")
          event.payload = [UInt8](repeating: 7, count: 3_000)
          return try tx.append(event)
        }
      } catch let error as StoreError {
        refusal = error
      }
    }
    #expect(refusal == .storageFull)
    #expect(written > 10)
    #expect(try store.read { try $0.revision() } == written)
    // Space returns.
    try await store.write { try $0.connection.runScript("PRAGMA max_page_count = 4096") }
    let next = try await store.write { tx in
      var event = NewEvent.sample("after")
      event.payload = [UInt8](repeating: 7, count: 100_000)
      return try tx.append(event)
    }
    #expect(next == written + 1)
    let events = try store.read { try EventLog($0).page(after: 0, org: "org-1", limit: 1_000) }
    #expect(events.map(\.revision) == Array(1...next))
    #expect(EventChain.firstBreak(in: events, after: EventChain.start) == nil)
  }
}
