import SQL
import Synchronization
import Testing

@testable import Store

/// Reads within reads, of one database and of the other, with as few readers as can be.
@Suite struct NestedReadTests {
  private static func store(readers: Int = 1) throws -> TemporaryStore {
    var configuration = StoreConfiguration()
    configuration.pooledReaders = readers
    return try TemporaryStore(configuration)
  }

  /// Threads that meet: nobody goes on before all have come.
  private final class Meeting: Sendable {
    private let missing: Monitor<Int>

    init(of count: Int) { missing = Monitor(count) }

    func wait() {
      missing.withLock { $0 -= 1 }
      missing.broadcast()
      _ = missing.wait { $0 <= 0 ? true : nil }
    }
  }

  /// Runs `bodies` on a thread each and returns when all have ended.
  private static func together(_ bodies: [@Sendable () throws -> Void]) async {
    await withTaskGroup(of: Void.self) { group in
      for (index, body) in bodies.enumerated() {
        group.addTask {
          await withCheckedContinuation { continuation in
            _ = WorkerThread(name: "test-read-\(index)") {
              do { try body() } catch { Issue.record("\(error)") }
              continuation.resume()
            }
          }
        }
      }
    }
  }

  @Test func `a read within a read shares its view and its reader`() async throws {
    let temporary = try Self.store()
    let store = temporary.store
    try store.read { outer in
      try store.read { #expect($0.connection === outer.connection) }
    }
    try store.telemetry.read { outer in
      try store.telemetry.read { #expect($0.connection === outer.connection) }
    }
    // And the reader is there for the next.
    try store.read { outer in
      try store.telemetry.read { #expect($0.connection !== outer.connection) }
    }
  }

  @Test func `reads of both databases within each other never wait for each other`() async throws {
    let temporary = try Self.store()
    let store = temporary.store
    let meeting = Meeting(of: 2)
    let done = Atomic<Int>(0)
    // Each holds the only reader that the other asks for.
    await Self.together([
      {
        try store.read { _ in
          meeting.wait()
          try store.telemetry.read { _ in _ = done.add(1, ordering: .relaxed) }
        }
      },
      {
        try store.telemetry.read { _ in
          meeting.wait()
          try store.read { _ in _ = done.add(1, ordering: .relaxed) }
        }
      },
    ])
    #expect(done.load(ordering: .relaxed) == 2)
  }

  @Test func `readers beyond the limit are closed when they come back`() async throws {
    let temporary = try Self.store(readers: 2)
    let store = temporary.store
    let pool = ReaderPool(store.telemetry.engine, limit: 2)
    defer { pool.close() }
    let (all, end) = (Meeting(of: 6), Meeting(of: 6))
    let most = Atomic<Int>(0)
    await Self.together(
      (0..<6).map { _ in
        {
          // Whoever reads already is not kept waiting.
          let other = ReaderPool(store.telemetry.engine, limit: 1)
          defer { other.close() }
          try other.read(of: ObjectIdentifier(other)) { _ in
            try pool.read(of: ObjectIdentifier(pool)) { _ in
              all.wait()
              most.store(pool.opened, ordering: .relaxed)
              end.wait()
            }
          }
        }
      })
    #expect(most.load(ordering: .relaxed) == 6)
    #expect(pool.opened == 2)
  }

  @Test func `a scan reads reports while every reader of reports is taken`() async throws {
    let temporary = try Self.store()
    let store = temporary.store
    let (taken, release) = (Signal(), Monitor(false))
    let holder = WorkerThread(name: "test-holder") {
      do {
        try store.telemetry.read { _ in
          taken.fire()
          _ = release.wait { $0 ? true : nil }
        }
      } catch {
        Issue.record("\(error)")
      }
    }
    await taken.wait()
    let count = try await store.scan(for: .sample) { _ in
      try store.telemetry.read { outer in
        try store.telemetry.read { inner in
          #expect(inner.connection === outer.connection)
          return try inner.connection.first(
            "SELECT count(*) FROM device_activity WHERE device = 'd'"
          ) {
            try $0.get(0, as: Int.self)
          }
        }
      }
    }
    #expect(count == 0)
    release.withLock { $0 = true }
    release.broadcast()
    holder.join()
    // What a scan has seen it does not go on seeing.
    _ = try await store.telemetry.write { tx in
      try tx.connection.execute(
        """
        INSERT INTO device_activity (device, last_seen_at_ms, acknowledged_sequence,
          downloads_ok, downloads_failed, activations_ok, activations_failed, inferences_ok,
          inferences_failed, latency)
        VALUES ('d', 1, 0, 0, 0, 0, 0, 0, 0, x'')
        """)
    }
    for _ in 0..<4 {
      let count = try await store.scan(for: .sample) { _ in
        try store.telemetry.read {
          try $0.connection.first("SELECT count(*) FROM device_activity WHERE device = 'd'") {
            try $0.get(0, as: Int.self)
          }
        }
      }
      #expect(count == 1)
    }
  }

  @Test func `a scan's time is up in the middle of what it reads of reports`() async throws {
    var configuration = StoreConfiguration()
    configuration.scans.longMilliseconds = 1
    configuration.scans.shortMilliseconds = 1
    let temporary = try TemporaryStore(configuration)
    let store = temporary.store
    await #expect(throws: StoreError.scanTooLong(milliseconds: 1)) {
      try await store.scan(for: .sample) { _ in
        try store.telemetry.read {
          _ = try $0.connection.first(
            """
            WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1)
            SELECT count(*) FROM n
            """, 1_000_000_000_000
          ) { try $0.get(0, as: Int.self) }
        }
      }
    }
  }

  @Test func `a write that reads beside its transaction fails, and what it changed is undone`()
    async throws
  {
    let temporary = try Self.store()
    let store = temporary.store
    for read: @Sendable () throws -> Void in [
      { try store.read { _ in } }, { try store.telemetry.read { _ in } },
    ] {
      await #expect(throws: StoreError.self) {
        try await store.write { tx in
          try tx.append(.sample("r"))
          try read()
        }
      }
      await #expect(throws: StoreError.self) {
        try await store.telemetry.write { _ in try read() }
      }
    }
    #expect(try store.read { try $0.revision() } == 0)
  }
}
