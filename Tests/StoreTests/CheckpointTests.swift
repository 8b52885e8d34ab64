import Glibc
import SQL
import Synchronization
import Testing

@testable import Store

@Suite struct CheckpointTests {
  @Test func `copying, beginning anew and quieting scans each have their length of the log`() {
    var plan = CheckpointPlan()
    #expect(plan.next(pages: 999) == nil)
    #expect(plan.next(pages: 1_000) == .copy)
    plan.took(.copy, pages: 1_000)
    #expect(plan.next(pages: 1_999) == nil)
    #expect(plan.next(pages: 2_000) == .copy)
    #expect(plan.next(pages: 4_000) == .restart)
    plan.took(.restart, pages: 4_100)
    #expect(plan.next(pages: 5_099) == nil, "it was in vain: not at every commit again")
    #expect(plan.next(pages: 5_100) == .restart)
    #expect(plan.next(pages: 16_000) == .restartWithoutScans)
    plan.took(.restartWithoutScans, pages: 16_000)
    #expect(plan.next(pages: 10) == nil, "begun anew")
    #expect(plan.next(pages: 1_000) == .copy)
    #expect(plan.next(pages: 4_000) == .restart)
  }

  private static func size(_ path: String) -> Int {
    var status = stat()
    return stat(path, &status) == 0 ? status.st_size : 0
  }

  /// Keeps the scan threads busy, one after the other, for ever.
  private static func dashboard(_ store: Store, _ ending: Ending) async throws {
    while !ending.isReached.load(ordering: .relaxed) {
      _ = try await store.scan(for: .sample) { tx in
        try tx.connection.first(
          """
          WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000)
          SELECT count(*) FROM n, (SELECT count(*) FROM events) AS e
          """
        ) { try $0.get(0, as: Int.self) }
      }
    }
  }

  private final class Ending: Sendable {
    let isReached = Atomic<Bool>(false)
  }

  @Test func `scans that overlap for ever do not let the log grow`() async throws {
    var configuration = StoreConfiguration()
    configuration.checkpoints.copyEvery = 50
    configuration.checkpoints.restartAt = 100
    configuration.checkpoints.quietAt = 200
    configuration.checkpoints.retryAfter = 50
    // Every scan of the dashboards goes through the long lane.
    configuration.scans.shortMilliseconds = 1
    let temporary = try TemporaryStore(configuration)
    let store = temporary.store
    let ending = Ending()
    var largest = 0
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<4 { group.addTask { try await Self.dashboard(store, ending) } }
      for index in 0..<1_000 {
        try await store.write { tx in
          var event = NewEvent.sample("\(index)")
          event.payload = [UInt8](repeating: 7, count: 4_000)
          _ = try tx.append(event)
        }
        largest = max(largest, Self.size(temporary.path + "/rollcall.db-wal"))
        await store.settleLog()
      }
      ending.isReached.store(true, ordering: .relaxed)
      try await group.waitForAll()
    }
    // About 3 pages a commit: without beginning anew the log would have some 3,000. Where scans stand in the way at 100 pages they are
    // let end at 200, and the commit that passes those is the last before the log begins anew.
    #expect(largest < 250 * 4_096)
    #expect(largest > 100 * 4_096)
  }

  @Test func `a closed store has no log left`() async throws {
    let temporary = try TemporaryStore()
    try await temporary.store.write { _ = try $0.append(.sample("a")) }
    temporary.store.close()
    #expect(Self.size(temporary.path + "/rollcall.db-wal") == 0)
    #expect(Self.size(temporary.path + "/rollcall.db") > 0)
  }
}
