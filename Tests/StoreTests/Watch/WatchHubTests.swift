import SQL
import Synchronization
import Testing

@testable import Store

@Suite struct WatchHubTests {
  private let org = WatchFilter(org: "org-1")

  @Test func `a watch replays the log, is told that it caught up, and goes on live`() async throws {
    let temporary = try TemporaryStore()
    let store = temporary.store
    for name in ["a", "b", "c"] { try await store.write { _ = try $0.append(.sample(name)) } }
    let sink = CollectingSink()
    let watch = store.watch.subscribe(org, after: 1, encoding: .resourceID, sink: sink)
    await sink.until { $0.bookmarks.last == 3 }
    #expect(sink.received.revisions == [2, 3])
    try await store.write { tx in
      try tx.append(.sample("d"))
      try tx.append(.sample(org: "org-2", "hidden"))
      try tx.append(.sample("e"))
    }
    await sink.until { $0.events.count == 4 }
    #expect(
      sink.received.events.map { String(decoding: $0.bytes, as: UTF8.self) } == [
        "b", "c", "d", "e",
      ])
    #expect(sink.received.revisions == [2, 3, 4, 6])
    watch.cancel()
  }

  @Test func `a rolled back event is never delivered and its revision goes to the next`()
    async throws
  {
    let temporary = try TemporaryStore()
    let store = temporary.store
    let sink = CollectingSink()
    let watch = store.watch.subscribe(org, after: 0, encoding: .resourceID, sink: sink)
    await #expect(throws: StoreTests.Refused.self) {
      try await store.write { tx in
        try tx.append(.sample("refused"))
        throw StoreTests.Refused()
      }
    }
    try await store.write { _ = try $0.append(.sample("kept")) }
    await sink.until { !$0.events.isEmpty }
    #expect(
      sink.received.events == [
        WatchedEvent(
          revision: 1, kind: "device.created", bytes: Array("kept".utf8))
      ])
    watch.cancel()
  }

  @Test func `a watch of one resource that is far behind reads that resource's events alone`()
    async throws
  {
    let temporary = try TemporaryStore()
    try await temporary.store.write { tx in
      for index in 0..<3_000 {
        try tx.append(.sample(index.isMultiple(of: 1_000) ? "wanted" : "other"))
      }
    }
    let reader = try Reader(SQLiteEngine(path: temporary.path + "/rollcall.db"))
    defer { reader.close() }
    let log = StoredWatchLog(reader: reader)
    let wanted = WatchFilter(org: "org-1", resourceIDs: ["wanted"])
    let page = try log.page(after: 0, wanted, limit: 256)
    #expect(page.events.map(\.revision) == [1, 1_001, 2_001])
    #expect(page.through == 3_000, "one page leads to the end")
    let types = WatchFilter(
      org: "org-1", resourceTypes: ["rollout"], resourceIDs: ["wanted"])
    #expect(try log.page(after: 0, types, limit: 256).events.isEmpty)
    let near = try log.page(after: 2_900, wanted, limit: 256)
    #expect(near.events.isEmpty)
    #expect(near.through == 3_000)
    let all = try log.page(after: 0, WatchFilter(org: "org-1"), limit: 256)
    #expect(all.through == 256)
  }

  @Test func `a slow sink misses nothing and does not hold the others`() async throws {
    let temporary = try TemporaryStore()
    let store = temporary.store
    let slow = CollectingSink()
    let quick = CollectingSink()
    slow.setFull(true)
    let watches = [slow, quick].map {
      store.watch.subscribe(org, after: 0, encoding: .resourceID, sink: $0)
    }
    let count = 1_000
    for index in 0..<10 {
      try await store.write { tx in
        for item in 0..<(count / 10) { try tx.append(.sample("\(index)-\(item)")) }
      }
    }
    await quick.until { $0.events.count == count }
    #expect(slow.received.events.isEmpty)
    slow.setFull(false)
    watches[0].becameWritable()
    await slow.until { $0.events.count == count }
    #expect(slow.received.events == quick.received.events)
    #expect(quick.received.revisions == Array(1...Int64(count)))
    for watch in watches { watch.cancel() }
  }

  @Test func `an event is encoded once for all watches of a kind`() async throws {
    let temporary = try TemporaryStore()
    let store = temporary.store
    let calls = Mutex(0)
    let encoding = WatchEncoding { logged in
      calls.withLock { $0 += 1 }
      return logged.event.payload
    }
    let sinks = (0..<100).map { _ in CollectingSink() }
    let watches = sinks.map {
      store.watch.subscribe(org, after: 0, encoding: encoding, sink: $0)
    }
    for sink in sinks { await sink.until { $0.bookmarks.last == 0 } }
    try await store.write { _ = try $0.append(.sample("a")) }
    for sink in sinks { await sink.until { $0.events.count == 1 } }
    #expect(calls.withLock { $0 } == 1)
    for watch in watches { watch.cancel() }
  }

  @Test(arguments: [(after: Int64(4), isCompacted: true), (5, false), (6, false)])
  func `a watch resumes at the compaction floor and not before it`(
    after: Int64, isCompacted: Bool
  ) async throws {
    let temporary = try TemporaryStore()
    let store = temporary.store
    try await store.write { tx in for index in 0..<8 { try tx.append(.sample("\(index)")) } }
    try await store.compact(through: 5)
    let sink = CollectingSink()
    let watch = store.watch.subscribe(org, after: after, encoding: .resourceID, sink: sink)
    await sink.until { $0.end != nil || !$0.bookmarks.isEmpty }
    if isCompacted {
      #expect(sink.received.end == .compacted(requested: 4, oldest: 5))
      #expect(sink.received.events.isEmpty)
    } else {
      #expect(sink.received.revisions == Array((after + 1)...8))
    }
    watch.cancel()
  }

  @Test func `a revision that has not happened yet is refused with the newest`() async throws {
    let temporary = try TemporaryStore()
    let sink = CollectingSink()
    try await temporary.store.write { _ = try $0.append(.sample("a")) }
    _ = temporary.store.watch.subscribe(org, after: 2, encoding: .resourceID, sink: sink)
    await sink.until { $0.end != nil }
    #expect(sink.received.end == .futureRevision(requested: 2, newest: 1))
  }

  @Test func `quiet watches are bookmarked again and again`() async throws {
    var configuration = StoreConfiguration()
    configuration.bookmarkIntervalMilliseconds = 20
    let temporary = try TemporaryStore(configuration)
    let sink = CollectingSink()
    let watch = temporary.store.watch.subscribe(org, after: 0, encoding: .resourceID, sink: sink)
    try await temporary.store.write { _ = try $0.append(.sample(org: "org-2", "elsewhere")) }
    await sink.until { $0.bookmarks.filter { $0 == 1 }.count >= 3 }
    #expect(sink.received.events.isEmpty)
    watch.cancel()
  }

  @Test func `closing the store ends every watch and refuses new ones`() async throws {
    let temporary = try TemporaryStore()
    let first = CollectingSink()
    let second = CollectingSink()
    let hub = temporary.store.watch
    _ = hub.subscribe(org, after: 0, encoding: .resourceID, sink: first)
    await first.until { !$0.bookmarks.isEmpty }
    temporary.store.close()
    _ = hub.subscribe(org, after: 0, encoding: .resourceID, sink: second)
    #expect(first.received.end == .closed && second.received.end == .closed)
  }

  @Test func `a backlog that overflows is read from the log instead`() async throws {
    let log = MemoryLog()
    var options = WatchHub.Options()
    options.backlogLimit = 5
    let hub = WatchHub(log: log, head: 0, options: options)
    defer { hub.close() }
    let sink = CollectingSink()
    let watch = hub.subscribe(org, after: 0, encoding: .resourceID, sink: sink)
    await sink.until { !$0.bookmarks.isEmpty }
    // A second watch that begins while events are missing must not trust the dispatched head.
    var revision: Int64 = 0
    for size in [3, 9, 2, 30, 1] {
      let events = (0..<size).map { _ in
        revision += 1
        return LoggedEvent(
          revision: revision, createdAtMilliseconds: 0, chainHash: [], event: .sample("x"))
      }
      log.append(events)
      hub.publish(events)
    }
    let late = CollectingSink()
    let second = hub.subscribe(org, after: 0, encoding: .resourceID, sink: late)
    await sink.until { $0.events.count == 45 }
    await late.until { $0.events.count == 45 }
    #expect(sink.received.revisions == Array(1...45))
    #expect(late.received.revisions == Array(1...45))
    watch.cancel()
    second.cancel()
  }
}

/// A log in memory.
final class MemoryLog: WatchLog {
  private let events = Mutex<[LoggedEvent]>([])

  func append(_ new: [LoggedEvent]) { events.withLock { $0 += new } }

  func page(after revision: Int64, _ filter: WatchFilter, limit: Int) throws -> WatchPage {
    events.withLock { events in
      let head = events.last?.revision ?? 0
      let rows = events.filter { $0.revision > revision }.prefix(limit)
      return WatchPage(
        events: rows.filter { filter.matches($0.event) },
        through: rows.count < limit ? head : rows.last?.revision ?? head, floor: 0, head: head)
    }
  }
}
