import SQL
import Synchronization
import Testing

@testable import Store

@Suite struct ReadTests {
  /// A thread that plays an event loop: closures run on it, then the turn's end.
  private final class Loop: Sendable {
    private struct State {
      var work: [@Sendable () -> Void] = []
      var isClosed = false
    }
    private let state = Monitor(State())
    private let thread = Mutex<WorkerThread?>(nil)
    let turnEnds = Mutex<[@Sendable () -> Void]>([])

    init() {
      let started = WorkerThread(name: "test-loop") { [state] in
        while true {
          let next: (@Sendable () -> Void)? =
            state.wait { state -> (@Sendable () -> Void)?? in
              if !state.work.isEmpty { return .some(state.work.removeFirst()) }
              return state.isClosed ? .some(nil) : nil
            } ?? nil
          guard let next else { return }
          next()
        }
      }
      thread.withLock { $0 = started }
    }

    func run<R: Sendable>(_ body: @escaping @Sendable () throws -> R) async throws -> R {
      try await withCheckedThrowingContinuation { continuation in
        state.withLock {
          $0.work.append { continuation.resume(with: Result { try body() }) }
        }
        state.signal()
      }
    }

    func attach(_ store: Store) async throws {
      try await run { [self] in
        try store.attachLoopReader { end in self.turnEnds.withLock { $0.append(end) } }
      }
    }

    func endTurn() async throws {
      try await run { [self] in
        let ends = turnEnds.withLock { ends in
          defer { ends = [] }
          return ends
        }
        for end in ends { end() }
      }
    }

    func close() {
      state.withLock { $0.isClosed = true }
      state.broadcast()
      thread.withLock { $0 }?.join()
    }
  }

  @Test func `what a loop's turn writes is carried out in order after the turn`() async throws {
    let temporary = try TemporaryStore()
    let store = temporary.store
    let loop = Loop()
    defer { loop.close() }
    try await loop.attach(store)
    for turn in 0..<3 {
      let tasks = try await loop.run {
        (0..<4).map { index in
          Task.immediate {
            try await store.write { try $0.append(.sample("\(turn)-\(index)")) }
          }
        }
      }
      try await loop.endTurn()
      for (index, task) in tasks.enumerated() {
        #expect(try await task.value == Int64(4 * turn + index + 1))
      }
    }
  }

  @Test func `a write from elsewhere takes along what a loop's turn has queued`() async throws {
    let temporary = try TemporaryStore()
    let store = temporary.store
    let loop = Loop()
    defer { loop.close() }
    try await loop.attach(store)
    let task = try await loop.run {
      Task.immediate { try await store.write { try $0.append(.sample("loop")) } }
    }
    #expect(try await store.write { try $0.append(.sample("elsewhere")) } == 2)
    #expect(try await task.value == 1)
    // The turn's end has nothing left to wake anybody for, and the next turn begins anew.
    try await loop.endTurn()
    let next = try await loop.run {
      Task.immediate { try await store.write { try $0.append(.sample("next")) } }
    }
    try await loop.endTurn()
    #expect(try await next.value == 3)
  }

  @Test func `closing carries out what a turn has queued that never ends`() async throws {
    let temporary = try TemporaryStore()
    let store = temporary.store
    let loop = Loop()
    defer { loop.close() }
    try await loop.attach(store)
    let task = try await loop.run {
      Task.immediate { try await store.write { try $0.append(.sample("last")) } }
    }
    store.close()
    #expect(try await task.value == 1)
  }

  @Test func `reads of a turn share a transaction until somebody commits`() async throws {
    var configuration = StoreConfiguration()
    // The store's own commits would reopen the turn's transaction too.
    configuration.flushIntervalMilliseconds = 3_600_000
    configuration.firstSweepMilliseconds = 3_600_000
    let temporary = try TemporaryStore(configuration)
    let store = temporary.store
    let loop = Loop()
    defer { loop.close() }
    try await loop.attach(store)
    for _ in 0..<3 {
      #expect(try await loop.run { try store.read { try $0.revision() } } == 0)
    }
    #expect(loop.turnEnds.withLock { $0.count } == 1)
    // Acknowledged in the middle of the turn: the next read must see it.
    try await store.write { _ = try $0.append(.sample("a")) }
    #expect(try await loop.run { try store.read { try $0.revision() } } == 1)
    #expect(loop.turnEnds.withLock { $0.count } == 2)
    try await loop.endTurn()
    #expect(try await loop.run { try store.read { try $0.revision() } } == 1)
    #expect(loop.turnEnds.withLock { $0.count } == 1)
    try await loop.endTurn()
  }

  @Test func `a read within a read keeps the view of the outer one`() async throws {
    let temporary = try TemporaryStore()
    let store = temporary.store
    let loop = Loop()
    defer { loop.close() }
    try await loop.attach(store)
    let views = try await loop.run {
      try store.read { outer in
        let before = try outer.revision()
        // A commit of another thread between the two reads.
        let committed = Monitor(false)
        Task {
          try await store.write { _ = try $0.append(.sample("a")) }
          committed.withLock { $0 = true }
          committed.broadcast()
        }
        _ = committed.wait { $0 ? true : nil }
        let inner = try store.read { try $0.revision() }
        return [before, inner, try outer.revision()]
      }
    }
    #expect(views == [0, 0, 0])
    #expect(try await loop.run { try store.read { try $0.revision() } } == 1)
  }

  @Test func `a failed read leaves the loop's reader usable`() async throws {
    let temporary = try TemporaryStore()
    let store = temporary.store
    let loop = Loop()
    defer { loop.close() }
    try await loop.attach(store)
    await #expect(throws: StoreTests.Refused.self) {
      try await loop.run { try store.read { _ in throw StoreTests.Refused() } }
    }
    #expect(try await loop.run { try store.read { try $0.revision() } } == 0)
  }

  @Test func `readers on many threads never miss an acknowledged write`() async throws {
    var configuration = StoreConfiguration()
    configuration.pooledReaders = 2
    let temporary = try TemporaryStore(configuration)
    let store = temporary.store
    try await withThrowingTaskGroup(of: Void.self) { group in
      for writer in 0..<8 {
        group.addTask {
          for index in 0..<50 {
            let revision = try await store.write { try $0.append(.sample("\(writer)-\(index)")) }
            let seen = try store.read { try $0.revision() }
            #expect(seen >= revision)
          }
        }
      }
      try await group.waitForAll()
    }
    #expect(try store.read { try $0.revision() } == 400)
  }

  private static func count(_ tx: ReadTransaction, _ limit: Int) throws -> Int? {
    try tx.connection.first(
      """
      WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1)
      SELECT count(*) FROM n
      """, limit
    ) { try $0[0] }
  }

  @Test func `a scan runs beside the loops and sees acknowledged writes`() async throws {
    let temporary = try TemporaryStore()
    try await temporary.store.write { _ = try $0.append(.sample("a")) }
    let result = try await temporary.store.scan(for: .sample) { tx in
      (try Self.count(tx, 1_000), try tx.revision())
    }
    #expect(result == (1_000, 1))
  }

  @Test func `a cancelled scan is interrupted in the middle of its statement`() async throws {
    let temporary = try TemporaryStore()
    let store = temporary.store
    let started = Signal()
    let task = Task {
      try await store.scan(for: .sample) { tx in
        started.fire()
        return try Self.count(tx, 10_000_000_000)
      }
    }
    await started.wait()
    task.cancel()
    await #expect(throws: CancellationError.self) { try await task.value }
    #expect(try await store.scan(for: .sample) { try Self.count($0, 10) } == 10)
  }
}
