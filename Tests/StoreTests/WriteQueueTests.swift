import Testing

@testable import Store

@Suite struct WriteQueueTests {
  private final class Job: WriteJob {
    let name: String
    let isRehearsal = false
    init(_ name: String) { self.name = name }
    func start() -> Bool { true }
    func run(_ transaction: WriteTransaction) throws {}
    func fail(_ error: any Error) {}
    func succeed() {}
  }

  private static func names(_ jobs: ArraySlice<any WriteJob>) -> String {
    jobs.map { ($0 as? Job)?.name ?? "?" }.joined(separator: " ")
  }

  private func queue(_ jobs: (org: String, count: Int)..., limit: Int = 1_000) throws -> WriteQueue
  {
    var queue = WriteQueue()
    for (org, count) in jobs {
      for index in 0..<count {
        _ = try queue.add(Job("\(org)\(index)"), of: org, limit: limit)
      }
    }
    return queue
  }

  @Test func `orgs take turns and each keeps its order`() throws {
    var queue = try queue(("a", 5), ("b", 1), ("c", 2))
    #expect(Self.names(queue.begin(maximum: 100)) == "a0 b0 c0 a1 c1 a2 a3 a4")
    #expect(queue.count == 0)
    #expect(queue.more(isLate: false).isEmpty)
  }

  @Test func `a transaction takes no more than waited when it began`() throws {
    var queue = try queue(("a", 10))
    #expect(Self.names(queue.begin(maximum: 100)) == "a0 a1 a2 a3 a4 a5 a6 a7")
    _ = try queue.add(Job("late"), of: "a", limit: 100)
    #expect(Self.names(queue.more(isLate: false)) == "a8 a9")
    #expect(queue.more(isLate: false).isEmpty)
    #expect(Self.names(queue.begin(maximum: 100)) == "late")
  }

  @Test func `the most that a transaction may have ends it`() throws {
    var queue = try queue(("a", 20))
    #expect(queue.begin(maximum: 9).count == 8)
    #expect(queue.more(isLate: false).count == 1)
    #expect(queue.more(isLate: false).isEmpty)
    #expect(queue.count == 11)
  }

  @Test
  func `a late transaction ends for whoever came meanwhile`()
    throws
  {
    var queue = try queue(("a", 30))
    _ = queue.begin(maximum: 100)
    // Alone, an org waits for nobody but itself: its commit may as well be one.
    #expect(queue.more(isLate: true).count == 8)
    _ = try queue.add(Job("b0"), of: "b", limit: 100)
    #expect(queue.more(isLate: true).isEmpty)
    #expect(Self.names(queue.begin(maximum: 100)).split(separator: " ").prefix(2).contains("b0"))
    // Whoever is in it already waits for its commit.
    #expect(queue.more(isLate: true).isEmpty)
    #expect(queue.more(isLate: false).count == 7)
  }

  @Test
  func `an org has no more waiting than it leaves to others, and the store's own come through`()
    throws
  {
    var queue = try queue(("a", 5), limit: 10)
    #expect(throws: StoreError.overdrawn(subject: "org", waiting: 5, limit: 5)) {
      try queue.add(Job("a5"), of: "a", limit: 10)
    }
    for index in 0..<2 { _ = try queue.add(Job("b\(index)"), of: "b", limit: 10) }
    for index in 0..<3 { _ = try queue.add(Job("own\(index)"), of: "", limit: 10) }
    #expect(throws: StoreError.overloaded(waiting: 10, limit: 10)) {
      try queue.add(Job("c"), of: "c", limit: 10)
    }
    #expect(queue.begin(maximum: 100).count == 8)
    #expect(queue.count == 2)
  }
}
