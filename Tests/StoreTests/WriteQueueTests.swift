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

  /// What a transaction begins with, by name.
  private static func begin(_ queue: inout WriteQueue, maximum: Int = 100) -> [String] {
    queue.begin(maximum: maximum).map { ($0 as? Job)?.name ?? "?" }
  }

  /// What it takes next.
  private static func more(_ queue: inout WriteQueue, isLate: Bool = false) -> [String] {
    queue.more(isLate: isLate).map { ($0 as? Job)?.name ?? "?" }
  }

  private func queue(_ jobs: (org: String, count: Int)..., limit: Int = 1_000) throws -> WriteQueue
  {
    var queue = WriteQueue()
    for (org, count) in jobs {
      for index in 0..<count {
        try queue.add(Job("\(org)\(index)"), of: org, limit: limit)
      }
    }
    return queue
  }

  @Test func `orgs take turns and each keeps its order`() throws {
    var queue = try queue(("a", 5), ("b", 1), ("c", 2))
    let (first, rest) = (Self.begin(&queue), Self.more(&queue))
    #expect(first == ["a0", "b0", "c0", "a1", "c1", "a2", "a3", "a4"])
    #expect(rest.isEmpty)
    #expect(queue.count == 0)
  }

  @Test func `a transaction takes no more than waited when it began`() throws {
    var queue = try queue(("a", 10))
    let first = Self.begin(&queue)
    try queue.add(Job("late"), of: "a", limit: 100)
    let (second, third, next) = (Self.more(&queue), Self.more(&queue), Self.begin(&queue))
    #expect(first == (0..<8).map { "a\($0)" })
    #expect(second == ["a8", "a9"])
    #expect(third.isEmpty)
    #expect(next == ["late"])
  }

  @Test func `the most that a transaction may have ends it`() throws {
    var queue = try queue(("a", 20))
    let taken = [Self.begin(&queue, maximum: 9), Self.more(&queue), Self.more(&queue)]
    #expect(taken.map(\.count) == [8, 1, 0])
    #expect(queue.count == 11)
  }

  @Test func `what a transaction leaves is due, and nothing else is until somebody says so`() throws
  {
    var queue = try queue(("a", 10))
    let (wasDue, isNews, isOldNews) = (queue.isDue, queue.becomeDue(), queue.becomeDue())
    #expect(!wasDue && isNews && !isOldNews)
    _ = Self.begin(&queue)
    try queue.add(Job("late"), of: "a", limit: 100)
    #expect(!queue.isDue)
    // The engine lost the transaction before it took the other two.
    queue.end()
    #expect(queue.isDue)
    _ = [Self.begin(&queue), Self.more(&queue)]
    queue.end()
    #expect(!queue.isDue && queue.count == 0)
  }

  @Test func `what is due and taken meanwhile leaves the next one news`() throws {
    var queue = try queue(("a", 10))
    _ = queue.becomeDue()
    let first = Self.begin(&queue)
    // The turn that queued the last two ends while the others run.
    let isNews = queue.becomeDue()
    let second = Self.more(&queue)
    queue.end()
    #expect(isNews && first.count == 8 && second.count == 2)
    #expect(!queue.isDue)
    try queue.add(Job("next"), of: "a", limit: 100)
    let isNextNews = queue.becomeDue()
    #expect(isNextNews)
  }

  @Test func `a late transaction ends for whoever came meanwhile`() throws {
    var queue = try queue(("a", 30))
    _ = Self.begin(&queue)
    // Alone, an org waits for nobody but itself: its commit may as well be one.
    let alone = Self.more(&queue, isLate: true)
    #expect(alone.count == 8)
    try queue.add(Job("b0"), of: "b", limit: 100)
    let (late, next) = (Self.more(&queue, isLate: true), Self.begin(&queue))
    #expect(late.isEmpty)
    #expect(next.prefix(2).contains("b0"))
    // Whoever is in it already waits for its commit.
    let (again, inTime) = (Self.more(&queue, isLate: true), Self.more(&queue))
    #expect(again.isEmpty)
    #expect(inTime.count == 7)
  }

  @Test
  func `an org has no more waiting than it leaves to others, and the store's own come through`()
    throws
  {
    var queue = try queue(("a", 5), limit: 10)
    var refusals: [StoreError] = []
    func add(_ name: String, _ org: String) {
      do throws(StoreError) {
        try queue.add(Job(name), of: org, limit: 10)
      } catch {
        refusals.append(error)
      }
    }
    add("a5", "a")
    for index in 0..<2 { add("b\(index)", "b") }
    for index in 0..<3 { add("own\(index)", "") }
    add("c", "c")
    #expect(
      refusals == [
        .overdrawn(subject: "org", waiting: 5, limit: 5), .overloaded(waiting: 10, limit: 10),
      ])
    let first = Self.begin(&queue)
    #expect(first.count == 8)
    #expect(queue.count == 2)
  }
}
