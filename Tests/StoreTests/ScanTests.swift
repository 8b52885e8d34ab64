import SQL
import Synchronization
import Testing

@testable import Store

@Suite struct ScanTests {
  /// Something a scan holds on to.
  private final class Burden: Sendable {}

  private static func count(_ tx: ReadTransaction, _ limit: Int) throws -> Int? {
    try tx.connection.first(
      """
      WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1)
      SELECT count(*) FROM n
      """, limit
    ) { try $0[0] }
  }

  private static let endless = 1_000_000_000_000

  @Test func `nothing of a scan stays, however it ended`() async throws {
    var configuration = StoreConfiguration()
    configuration.scans.longMilliseconds = 1
    configuration.scans.shortMilliseconds = 1
    let temporary = try TemporaryStore(configuration)
    let store = temporary.store
    weak var kept: Burden?
    func burden() -> Burden {
      let burden = Burden()
      kept = burden
      return burden
    }
    do {
      let burden = burden()
      _ = try await store.scan(for: .sample) { _ in _ = burden }
    }
    #expect(kept == nil, "answered")
    do {
      let burden = burden()
      await #expect(throws: StoreTests.Refused.self) {
        try await store.scan(for: .sample) { _ in
          _ = burden
          throw StoreTests.Refused()
        }
      }
    }
    #expect(kept == nil, "failed")
    do {
      let burden = burden()
      await #expect(throws: StoreError.scanTooLong(milliseconds: 1)) {
        try await store.scan(for: .sample) { tx in
          _ = burden
          return try Self.count(tx, Self.endless)
        }
      }
    }
    #expect(kept == nil, "too long")
    do {
      let burden = burden()
      let task = Task {
        try await store.scan(for: .sample) { tx in
          _ = burden
          return try Self.count(tx, Self.endless)
        }
      }
      task.cancel()
      await #expect(throws: CancellationError.self) { try await task.value }
    }
    #expect(kept == nil, "cancelled")
  }

  @Test func `short scans pass those that take long, whoever asked first`() async throws {
    let temporary = try TemporaryStore()
    let store = temporary.store
    let long = (0..<8).map { _ in
      Task { try await store.scan(for: .sample) { try Self.count($0, Self.endless) } }
    }
    let other = ScanCaller(org: "org-2", principal: "principal-2")
    // All threads of the long lane are taken for ever, and yet these come back.
    for _ in 0..<5 {
      #expect(try await store.scan(for: other) { try Self.count($0, 10) } == 10)
      #expect(try await store.scan(for: .sample) { try Self.count($0, 10) } == 10)
    }
    for task in long {
      task.cancel()
      await #expect(throws: CancellationError.self) { try await task.value }
    }
  }

  @Test
  func `one principal's hundreds of scans are refused beyond its share, and another's are not`()
    async throws
  {
    let temporary = try TemporaryStore()
    let store = temporary.store
    let limit = StoreConfiguration().scans.limits.ofPrincipal
    let greedy = (0..<limit).map { _ in
      Task {
        while true {
          // The probe below may hold the last place for a moment.
          do {
            return try await store.scan(for: .sample) { try Self.count($0, Self.endless) }
          } catch StoreError.overdrawn {
            await Task.yield()
          }
        }
      }
    }
    var refusal: (any Error)?
    // The tasks above begin in their own time; until all have, a scan too many is a short one that succeeds.
    while refusal == nil {
      do { _ = try await store.scan(for: .sample) { try Self.count($0, 1) } } catch {
        refusal = error
      }
    }
    #expect(
      refusal as? StoreError == .overdrawn(subject: "principal", waiting: limit, limit: limit))
    let other = ScanCaller(org: "org-1", principal: "principal-2")
    #expect(try await store.scan(for: other) { try Self.count($0, 10) } == 10)
    for task in greedy { task.cancel() }
    for task in greedy {
      await #expect(throws: CancellationError.self) { try await task.value }
    }
    #expect(try await store.scan(for: .sample) { try Self.count($0, 10) } == 10)
  }

  @Test func `closing answers what waits`() async throws {
    var configuration = StoreConfiguration()
    configuration.scans.longMilliseconds = 1
    let temporary = try TemporaryStore(configuration)
    let store = temporary.store
    let started = Signal()
    let task = Task {
      try await store.scan(for: .sample) { tx in
        started.fire()
        return try Self.count(tx, Self.endless)
      }
    }
    await started.wait()
    store.close()
    await #expect(throws: StoreError.scanTooLong(milliseconds: 1)) { try await task.value }
    await #expect(throws: StoreError.closed) { try await store.scan(for: .sample) { _ in } }
  }
}
