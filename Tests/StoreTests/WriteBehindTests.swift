import SQL
import Synchronization
import Testing

@testable import Store

@Suite struct WriteBehindTests {
  private static let table = Migration(
    version: 1_000, name: "Counters",
    sql: """
      CREATE TABLE counters (
        id TEXT NOT NULL, value INTEGER NOT NULL, CONSTRAINT counters_pkey PRIMARY KEY (id)
      ) STRICT;
      """)

  private func counters(_ refuse: @escaping @Sendable () -> Bool = { false })
    -> WriteBehind<String, Int>
  {
    WriteBehind {
      $0 += $1
    } write: { tx, batch in
      if refuse() { throw StoreError.storageFull }
      for (id, value) in batch {
        try tx.connection.execute(
          """
          INSERT INTO counters (id, value) VALUES ($1, $2)
          ON CONFLICT (id) DO UPDATE SET value = value + excluded.value
          """, id, value)
      }
    }
  }

  private func open(
    _ path: String, flushEvery interval: Int64 = 3_600_000,
    onHousekeeping: @escaping @Sendable (String?) -> Void = { _ in }
  ) throws -> Store {
    var configuration = StoreConfiguration()
    configuration.onHousekeeping = onHousekeeping
    configuration.flushIntervalMilliseconds = interval
    return try Store.open(
      path, configuration, migrations: Migrations.all + [Self.table]
    ) { $0 }
  }

  private func stored(_ store: Store) throws -> [String: Int] {
    try store.read { tx in
      let rows = try tx.connection.all("SELECT id, value FROM counters") {
        (try $0.get(0, as: String.self), try $0.get(1, as: Int.self))
      }
      return Dictionary(uniqueKeysWithValues: rows)
    }
  }

  @Test func `changes are merged and written together`() async throws {
    let path = TemporaryStore.folder()
    defer { TemporaryStore.remove(path) }
    let store = try open(path)
    defer { store.close() }
    let buffer = counters()
    store.register(buffer)
    for index in 0..<1_000 { buffer.record("\(index % 3)", 1) }
    #expect(buffer.count == 3)
    #expect(buffer.pending("0") == 334)
    #expect(try stored(store).isEmpty)
    await store.flush()
    #expect(try stored(store) == ["0": 334, "1": 333, "2": 333])
    #expect(buffer.pending("0") == nil && buffer.count == 0)
  }

  @Test func `a flush that fails keeps its values, merges newer ones and is reported`() async throws
  {
    let path = TemporaryStore.folder()
    defer { TemporaryStore.remove(path) }
    let reports = Reports()
    let store = try open(path, onHousekeeping: { reports.add($0) })
    defer { store.close() }
    let isFull = Atomic(true)
    let buffer = counters { isFull.load(ordering: .relaxed) }
    store.register(buffer)
    buffer.record("a", 1)
    await store.flush()
    buffer.record("a", 2)
    #expect(buffer.pending("a") == 3)
    #expect(reports.all == ["the disk is full"])
    isFull.store(false, ordering: .relaxed)
    await store.flush()
    #expect(try stored(store) == ["a": 3])
    #expect(reports.all == ["the disk is full", nil], "told once each")
  }

  @Test func `closing writes what is buffered`() async throws {
    let path = TemporaryStore.folder()
    defer { TemporaryStore.remove(path) }
    let first = try open(path)
    let buffer = counters()
    first.register(buffer)
    buffer.record("a", 5)
    first.close()
    let second = try open(path)
    defer { second.close() }
    #expect(try stored(second) == ["a": 5])
  }

  @Test func `the store's clock flushes without being asked, and nothing is counted twice`()
    async throws
  {
    let path = TemporaryStore.folder()
    defer { TemporaryStore.remove(path) }
    let store = try open(path, flushEvery: 1)
    let buffer = counters()
    store.register(buffer)
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<4 {
        group.addTask {
          for _ in 0..<5_000 {
            buffer.record("a", 1)
            await Task.yield()
          }
        }
      }
    }
    await store.flush()
    #expect(try stored(store) == ["a": 20_000])
    store.close()
  }

  /// What housekeeping reported, from any thread.
  private final class Reports: Sendable {
    private let state = Mutex<[String?]>([])
    var all: [String?] { state.withLock { $0 } }
    func add(_ report: String?) { state.withLock { $0.append(report) } }
  }
}
