import Glibc
import SQL
import Synchronization
import Testing

@testable import Store

@Suite struct WriteBehindTests {
  /// Counters in a table of the telemetry database; `refuse` may throw for the keys of a part.
  private func counters(
    _ refuse: @escaping @Sendable ([String: Int]) throws -> Void = { _ in }
  ) -> WriteBehind<String, Int> {
    WriteBehind("counters") {
      $0 += $1
    } write: { tx, batch, _ in
      try tx.connection.runScript(
        "CREATE TABLE IF NOT EXISTS counters (id TEXT PRIMARY KEY, value INTEGER NOT NULL)")
      for (id, value) in batch {
        try tx.connection.execute(
          """
          INSERT INTO counters (id, value) VALUES ($1, $2)
          ON CONFLICT (id) DO UPDATE SET value = value + excluded.value
          """, id, value)
      }
      // After the rows: what is refused must leave nothing of them.
      try refuse(batch)
    }
  }

  private func open(
    _ path: String, flushEvery interval: Int64 = 3_600_000, reports: Reports = Reports(),
    damage: Reports = Reports()
  ) throws -> Store {
    var configuration = StoreConfiguration()
    configuration.onHousekeeping = { work, failure in
      if work == .flushAndSweep { reports.add(failure) }
    }
    configuration.onDamage = { damage.add($0) }
    configuration.flushIntervalMilliseconds = interval
    return try Store.open(path, configuration)
  }

  private func stored(_ store: Store) throws -> [String: Int] {
    try store.telemetry.read { tx in
      let rows = try tx.connection.all("SELECT id, value FROM counters") {
        (try $0.get(0, as: String.self), try $0.get(1, as: Int.self))
      }
      return Dictionary(uniqueKeysWithValues: rows)
    }
  }

  private func isWritten(_ buffer: WriteBehind<String, Int>, _ key: String, _ value: Int)
    async
    throws
  {
    try await withCheckedThrowingContinuation {
      (continuation: CheckedContinuation<Void, any Error>) in
      buffer.record(key, value) { error in
        if let error { continuation.resume(throwing: error) } else { continuation.resume() }
      }
    }
  }

  @Test func `changes are merged and written together`() async throws {
    let path = TemporaryStore.folder()
    defer { TemporaryStore.remove(path) }
    let store = try open(path)
    defer { store.close() }
    let buffer = counters()
    store.telemetry.register(buffer)
    for index in 0..<1_000 { buffer.record("\(index % 3)", 1) }
    #expect(buffer.count == 3)
    #expect(buffer.pending("0") == 334)
    await store.flush()
    #expect(try stored(store) == ["0": 334, "1": 333, "2": 333])
    #expect(buffer.pending("0") == nil && buffer.count == 0)
  }

  @Test func `who waits is told when all that was recorded for the key is on disk`() async throws {
    let path = TemporaryStore.folder()
    defer { TemporaryStore.remove(path) }
    let store = try open(path)
    defer { store.close() }
    let buffer = counters()
    store.telemetry.register(buffer)
    buffer.record("a", 1)
    try await isWritten(buffer, "a", 2)
    #expect(try stored(store) == ["a": 3])
    await withTaskGroup(of: Void.self) { group in
      for index in 0..<1_200 {
        group.addTask {
          do {
            try await isWritten(buffer, "\(index % 7)", 1)
          } catch {
            Issue.record("\(error)")
          }
        }
      }
    }
    #expect(try stored(store).values.reduce(0, +) == 1_203)
  }

  @Test func `a key that cannot be written is dropped alone, whatever came with it`() async throws {
    let path = TemporaryStore.folder()
    defer { TemporaryStore.remove(path) }
    let (reports, damage) = (Reports(), Reports())
    let store = try open(path, reports: reports, damage: damage)
    defer { store.close() }
    let largest = Mutex(0)
    let buffer = counters { batch in
      largest.withLock { $0 = max($0, batch.count) }
      if batch["777"] != nil { throw StoreError.failure("it does not fit") }
    }
    store.telemetry.register(buffer)
    for index in 0..<1_300 { buffer.record("\(index)", 1) }
    await store.flush()
    let rows = try stored(store)
    #expect(rows.count == 1_299 && rows["777"] == nil)
    #expect(rows.values.allSatisfy { $0 == 1 }, "nothing is written twice")
    #expect(largest.withLock { $0 } == 500)
    #expect(damage.all == ["counters of 777: it does not fit"])
    #expect(reports.all == [])
    // Told of once; who waits for it learns why, and others are not held up.
    await #expect(throws: StoreError.failure("it does not fit")) {
      try await isWritten(buffer, "777", 1)
    }
    try await isWritten(buffer, "1", 1)
    #expect(try stored(store)["1"] == 2)
    #expect(damage.all.count == 1 && store.telemetry.damagedRows == 1)
  }

  @Test func `on a full disk values are kept, merged with newer ones and reported`() async throws {
    let path = TemporaryStore.folder()
    defer { TemporaryStore.remove(path) }
    let (reports, damage) = (Reports(), Reports())
    let store = try open(path, reports: reports, damage: damage)
    defer { store.close() }
    let isFull = Atomic(true)
    let buffer = counters { _ in
      if isFull.load(ordering: .relaxed) { throw SQLError.full }
    }
    store.telemetry.register(buffer)
    buffer.record("a", 1)
    await store.flush()
    await #expect(throws: StoreError.storageFull) { try await isWritten(buffer, "a", 2) }
    #expect(buffer.pending("a") == 3)
    #expect(reports.all == ["the disk is full"])
    #expect(damage.all == [])
    isFull.store(false, ordering: .relaxed)
    await store.flush()
    #expect(try stored(store) == ["a": 3])
    #expect(reports.all == ["the disk is full", nil], "told once each")
  }

  /// How often something was recorded, from any thread.
  private final class Recorded: Sendable {
    let count = Atomic<Int>(0)
  }

  @Test func `what is stored and on its way is told once, at every moment of a flush`()
    async throws
  {
    let path = TemporaryStore.folder()
    defer { TemporaryStore.remove(path) }
    let store = try open(path, flushEvery: 1)
    defer { store.close() }
    try await store.telemetry.write {
      try $0.connection.runScript(
        "CREATE TABLE sums (id TEXT PRIMARY KEY, value INTEGER NOT NULL, flush INTEGER NOT NULL)")
    }
    let buffer = WriteBehind<String, Int>("sums") {
      $0 += $1
    } write: { tx, batch, flush in
      for (id, value) in batch {
        try tx.connection.execute(
          """
          INSERT INTO sums (id, value, flush) VALUES ($1, $2, $3)
          ON CONFLICT (id) DO UPDATE SET value = value + excluded.value, flush = excluded.flush
          """, id, value, flush)
      }
    }
    store.telemetry.register(buffer)
    @Sendable func total() throws -> Int {
      let found = try buffer.current("a") {
        try store.telemetry.read { tx in
          try tx.connection.first("SELECT value, flush FROM sums WHERE id = 'a'") {
            (try $0.get(0, as: Int.self), try $0.get(1, as: Int64.self))
          } ?? (0, 0)
        }
      }
      return found.stored + (found.pending ?? 0)
    }
    // What is recorded only grows, by one at a time: so does what is told, and it is never more.
    let recorded = Recorded()
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        for _ in 0..<20_000 {
          recorded.count.add(1, ordering: .sequentiallyConsistent)
          buffer.record("a", 1)
          await Task.yield()
        }
      }
      group.addTask {
        var (last, looks) = (0, 0)
        while last < 20_000, looks < 5_000_000 {
          looks += 1
          let told = try total()
          #expect(told >= last && told <= recorded.count.load(ordering: .sequentiallyConsistent))
          last = max(told, last)
          await Task.yield()
        }
      }
      try await group.waitForAll()
    }
    #expect(try total() == 20_000)
  }

  /// A key that counts how often one thread hashes keys.
  private struct CountedKey: Hashable, Sendable {
    static let thread = Atomic<UInt>(0)
    static let hashes = Atomic<Int>(0)
    let number: Int

    static func == (left: Self, right: Self) -> Bool { left.number == right.number }

    func hash(into hasher: inout Hasher) {
      if pthread_self() == Self.thread.load(ordering: .relaxed) {
        Self.hashes.add(1, ordering: .relaxed)
      }
      hasher.combine(number)
    }
  }

  @Test func `who waits for a flush does not prepare it`() async throws {
    let path = TemporaryStore.folder()
    defer { TemporaryStore.remove(path) }
    let store = try open(path)
    defer { store.close() }
    let written = Atomic<Int>(0)
    let buffer = WriteBehind<CountedKey, Int>("counted") {
      $0 += $1
    } write: { _, batch, _ in
      written.add(batch.count, ordering: .relaxed)
    }
    store.telemetry.register(buffer)
    for number in 0..<3_000 { buffer.record(CountedKey(number: number), 1) }
    try await withCheckedThrowingContinuation {
      (continuation: CheckedContinuation<Void, any Error>) in
      CountedKey.thread.store(pthread_self(), ordering: .relaxed)
      buffer.record(CountedKey(number: 7), 1) { error in
        if let error { continuation.resume(throwing: error) } else { continuation.resume() }
      }
      CountedKey.thread.store(0, ordering: .relaxed)
    }
    #expect(CountedKey.hashes.load(ordering: .relaxed) < 10)
    await store.flush()
    #expect(written.load(ordering: .relaxed) == 3_000)
  }

  @Test func `who records after the end is told so`() async throws {
    let path = TemporaryStore.folder()
    defer { TemporaryStore.remove(path) }
    let store = try open(path)
    let buffer = counters()
    store.telemetry.register(buffer)
    store.close()
    await #expect(throws: StoreError.closed) { try await isWritten(buffer, "a", 1) }
  }

  @Test func `closing writes what is buffered`() async throws {
    let path = TemporaryStore.folder()
    defer { TemporaryStore.remove(path) }
    let first = try open(path)
    let buffer = counters()
    first.telemetry.register(buffer)
    buffer.record("a", 5)
    first.close()
    let second = try open(path)
    defer { second.close() }
    #expect(try stored(second) == ["a": 5])
  }

  @Test func `the clock flushes without being asked, and nothing is counted twice`() async throws {
    let path = TemporaryStore.folder()
    defer { TemporaryStore.remove(path) }
    let store = try open(path, flushEvery: 1)
    let buffer = counters()
    store.telemetry.register(buffer)
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
