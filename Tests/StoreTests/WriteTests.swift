import Synchronization
import Testing

@testable import Store

/// A door that a writer's closure waits at, so that a test decides what queues behind it.
private final class Door: Sendable {
  private let isOpen = Monitor(false)
  private let reached = Signal()

  func open() {
    isOpen.withLock { $0 = true }
    isOpen.broadcast()
  }
  /// Blocks the calling thread, the writer's, until `open`.
  func pass() {
    reached.fire()
    _ = isOpen.wait { $0 ? true : nil }
  }
  func untilReached() async { await reached.wait() }
}

@Suite struct WriteTests {
  @Test func `a write cancelled before it started never runs and answers at once`() async throws {
    let temporary = try TemporaryStore()
    let store = temporary.store
    let door = Door()
    let first = Task { try await store.write { _ in door.pass() } }
    await door.untilReached()
    let second = Task { try await store.write { _ = try $0.append(.sample("cancelled")) } }
    second.cancel()
    await #expect(throws: CancellationError.self) { try await second.value }
    door.open()
    try await first.value
    try await store.write { _ in }
    #expect(try store.read { try $0.revision() } == 0)
  }

  @Test func `a write cancelled while it runs is carried out and acknowledged`() async throws {
    let temporary = try TemporaryStore()
    let store = temporary.store
    let door = Door()
    let task = Task {
      try await store.write { tx in
        door.pass()
        return try tx.append(.sample("kept"))
      }
    }
    await door.untilReached()
    task.cancel()
    door.open()
    #expect(try await task.value == 1)
  }

  @Test func `a write in a cancelled task is refused`() async throws {
    let temporary = try TemporaryStore()
    let store = temporary.store
    let task = Task {
      withUnsafeCurrentTask { $0?.cancel() }
      _ = try await store.write { try $0.append(.sample("never")) }
    }
    await #expect(throws: CancellationError.self) { try await task.value }
    #expect(try store.read { try $0.revision() } == 0)
  }

  @Test func `one write more than may wait is refused, naming both numbers`() async throws {
    var configuration = quiet
    configuration.maximumWaitingWrites = 2
    let temporary = try TemporaryStore(configuration)
    let store = temporary.store
    let door = Door()
    let first = Task { try await store.write { _ in door.pass() } }
    await door.untilReached()
    let outcomes = await withTaskGroup(of: StoreError?.self) { group in
      for index in 0..<5 {
        group.addTask {
          do {
            _ = try await store.write { try $0.append(.sample("\(index)")) }
            return nil
          } catch {
            return error as? StoreError
          }
        }
      }
      var refused: [StoreError] = []
      while refused.count < 3, let outcome = await group.next() {
        if let outcome { refused.append(outcome) }
      }
      door.open()
      await group.waitForAll()
      return refused
    }
    try await first.value
    #expect(outcomes == Array(repeating: .overloaded(waiting: 2, limit: 2), count: 3))
    #expect(try store.read { try $0.revision() } == 2)
  }

  /// Without writes of the store's own.
  private var quiet: StoreConfiguration {
    var configuration = StoreConfiguration()
    configuration.flushIntervalMilliseconds = 3_600_000
    configuration.firstSweepMilliseconds = 3_600_000
    return configuration
  }

  /// Queues `bodies` behind a door so that they share a transaction; their outcomes, in order.
  private func together(
    _ store: Store, _ bodies: [@Sendable (WriteTransaction) throws -> Int64]
  ) async throws -> [Result<Int64, any Error>] {
    let door = Door()
    let first = Task { try await store.write { _ in door.pass() } }
    await door.untilReached()
    var tasks: [Task<Int64, any Error>] = []
    for (index, body) in bodies.enumerated() {
      tasks.append(Task.immediate { try await store.write(body) })
      #expect(store.waitingWrites == index + 1)
    }
    door.open()
    try await first.value
    var outcomes: [Result<Int64, any Error>] = []
    for task in tasks { outcomes.append(await task.result) }
    return outcomes
  }

  private struct Refusal: Error, Equatable {
    var at: Int64
  }

  @Test func `what fails half-way takes nothing of its own with it and nothing of others`()
    async throws
  {
    let temporary = try TemporaryStore(quiet)
    let store = temporary.store
    let runs = Atomic(0)
    let half: @Sendable (WriteTransaction) throws -> Int64 = { tx in
      throw Refusal(at: try tx.append(.sample("half")))
    }
    let outcomes = try await together(
      store,
      [
        { tx in
          runs.add(1, ordering: .relaxed)
          return try tx.append(.sample("first"))
        }, half,
        { tx in
          runs.add(1, ordering: .relaxed)
          return try tx.append(.sample("second"))
        }, half, { try $0.append(.sample("third")) },
      ])
    #expect(try outcomes[0].get() == 1)
    #expect(throws: Refusal(at: 2)) { try outcomes[1].get() }
    #expect(try outcomes[2].get() == 2)
    #expect(throws: Refusal(at: 3)) { try outcomes[3].get() }
    #expect(try outcomes[4].get() == 3)
    // Only what had run before the first failure ran again: savepoints protect it from the second.
    #expect(runs.load(ordering: .relaxed) == 3)
    let events = try store.read { try EventLog($0).page(after: 0, org: nil, limit: 10) }
    #expect(events.map(\.event.resourceID) == ["first", "second", "third"])
    #expect(events.map(\.revision) == [1, 2, 3])
    #expect(EventChain.firstBreak(in: events, after: EventChain.start) == nil)
  }

  @Test func `what fails before it has changed anything makes nobody run again`() async throws {
    let temporary = try TemporaryStore(quiet)
    let store = temporary.store
    let runs = Atomic(0)
    let outcomes = try await together(
      store,
      [
        { tx in
          runs.add(1, ordering: .relaxed)
          return try tx.append(.sample("first"))
        }, { tx in throw Refusal(at: try tx.revision()) },
        { try $0.append(.sample("second")) },
      ])
    #expect(try outcomes[0].get() == 1)
    #expect(throws: Refusal(at: 1)) { try outcomes[1].get() }
    #expect(try outcomes[2].get() == 2)
    #expect(runs.load(ordering: .relaxed) == 1)
  }

  @Test func `a rehearsal answers as the write would and keeps nothing`() async throws {
    let temporary = try TemporaryStore(quiet)
    let store = temporary.store
    #expect(try await store.write { try $0.append(.sample("kept")) } == 1)
    #expect(try await store.rehearse { try $0.append(.sample("tried")) } == 2)
    await #expect(throws: Refusal(at: 2)) {
      try await store.rehearse { throw Refusal(at: try $0.append(.sample("refused"))) }
    }
    #expect(try await store.write { try $0.append(.sample("kept too")) } == 2)
    let events = try store.read { try EventLog($0).page(after: 0, org: nil, limit: 10) }
    #expect(events.map(\.event.resourceID) == ["kept", "kept too"])
    #expect(EventChain.firstBreak(in: events, after: EventChain.start) == nil)
  }

  @Test func `closing carries out what waits and refuses what comes later`() async throws {
    let temporary = try TemporaryStore()
    let store = temporary.store
    let door = Door()
    async let first: Void = store.write { _ in door.pass() }
    await door.untilReached()
    async let second = store.write { try $0.append(.sample("waiting")) }
    let closing = Task.detached { store.close() }
    door.open()
    try await first
    // Whether it was queued before the closing or refused by it, it is never lost silently.
    do {
      #expect(try await second == 1)
    } catch {
      #expect(error as? StoreError == .closed)
    }
    await closing.value
    await #expect(throws: StoreError.closed) { try await store.write { _ in } }
    #expect(throws: StoreError.closed) { try store.read { _ in } }
    await #expect(throws: StoreError.closed) { try await store.scan(for: .sample) { _ in } }
  }

  @Test func `ids and time inside a write come from the store`() async throws {
    var configuration = StoreConfiguration()
    configuration.clock = { 1_700_000_000_000 }
    let temporary = try TemporaryStore(configuration)
    let (now, ids) = try await temporary.store.write { tx in
      (tx.nowMilliseconds, (0..<100).map { _ in tx.makeID() })
    }
    #expect(now == 1_700_000_000_000)
    #expect(ids == ids.sorted() && Set(ids).count == 100)
    #expect(ids[0].hasPrefix("018bcfe5-6800-7"))
  }
}
