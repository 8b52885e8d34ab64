import SQL
import Testing

@testable import Store

@Suite struct SweepTests {
  /// A store whose clock stands still and keeps events and request ids for 100 ms.
  private func open(_ clocks: ManualClocks) throws -> TemporaryStore {
    var configuration = clocks.configuration
    configuration.eventRetentionMilliseconds = 100
    configuration.idempotencyRetentionMilliseconds = 100
    return try TemporaryStore(configuration)
  }

  private func count(_ store: Store, _ table: StaticString) throws -> Int {
    try store.read { tx in
      try tx.connection.all(text: "SELECT count(*) FROM \(table)", parameters: []) {
        try $0.get(0, as: Int.self)
      }.first ?? 0
    }
  }

  @Test func `a sweep removes all that has expired, however much it is`() async throws {
    let clocks = ManualClocks()
    let temporary = try open(clocks)
    let store = temporary.store
    let count = 2 * Housekeeping.sweepStep + 1
    try await store.write { tx in
      for index in 0..<count {
        _ = try tx.append(.sample("\(index)"))
        _ = try tx.idempotent(
          IdempotencyKey(org: "o", principal: "p", method: "m", requestID: "\(index)"),
          bodyDigest: []
        ) { IdempotentResponse(bytes: []) }
      }
    }
    clocks.pass(50)
    try await store.write { _ = try $0.append(.sample("young")) }
    await store.sweep()
    #expect(try self.count(store, "events") == count + 1, "nothing has expired")
    clocks.pass(60)
    await store.sweep()
    #expect(try self.count(store, "events") == 1)
    #expect(try self.count(store, "idempotent_requests") == 0)
    #expect(try store.read { try EventLog($0).floor() } == Int64(count))
  }

  @Test func `without a retention events stay`() async throws {
    let clocks = ManualClocks()
    let temporary = try TemporaryStore(clocks.configuration)
    try await temporary.store.write { _ = try $0.append(.sample("old")) }
    clocks.pass(1_000_000_000_000)
    await temporary.store.sweep()
    #expect(try count(temporary.store, "events") == 1)
  }

  @Test(arguments: [
    (revision: Int64(0), refusal: StoreError?.none), (4, .compacted(requested: 4, oldest: 5)),
    (5, nil), (8, nil), (9, .futureRevision(requested: 9, newest: 8)),
    (.max, .futureRevision(requested: .max, newest: 8)),
  ])
  func `a revision can be resumed from between the log's two ends`(
    revision: Int64, refusal: StoreError?
  ) async throws {
    let temporary = try TemporaryStore()
    let store = temporary.store
    try await store.write { tx in for index in 0..<8 { try tx.append(.sample("\(index)")) } }
    try await store.compact(through: 5)
    var found: StoreError?
    do {
      #expect(try store.read { try EventLog($0).resumable(from: revision) } == 8)
    } catch let error as StoreError {
      found = error
    }
    #expect(found == refusal)
  }
}
