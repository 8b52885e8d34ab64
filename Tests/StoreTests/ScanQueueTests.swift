import Testing

@testable import Store

@Suite struct ScanQueueTests {
  private static func caller(_ org: String, _ principal: String = "p") -> ScanCaller {
    ScanCaller(org: org, principal: principal)
  }

  private static func limits(_ principal: Int, _ org: Int, _ all: Int) -> ScanQueue<String>.Limits {
    var limits = ScanQueue<String>.Limits()
    limits.ofPrincipal = principal
    limits.ofOrg = org
    limits.ofAll = all
    return limits
  }

  private static func drain(_ queue: inout ScanQueue<String>, _ lane: ScanQueue<String>.Lane)
    -> [String]
  {
    var jobs: [String] = []
    while let next = queue.next(lane) { jobs.append(next.job) }
    return jobs
  }

  @Test func `orgs take turns, and within an org its principals`() throws {
    var queue = ScanQueue<String>()
    for (job, org, principal) in [
      ("a1", "a", "x"), ("a2", "a", "x"), ("a3", "a", "x"), ("a4", "a", "y"), ("b1", "b", "z"),
      ("b2", "b", "z"), ("c1", "c", "w"),
    ] {
      _ = try queue.add(job, Self.caller(org, principal))
    }
    #expect(Self.drain(&queue, .short) == ["a1", "b1", "c1", "a4", "b2", "a2", "a3"])
  }

  @Test func `a scan that needs longer waits in the long lane, in its turn`() throws {
    var queue = ScanQueue<String>()
    for job in ["a1", "a2"] { _ = try queue.add(job, Self.caller("a")) }
    _ = try queue.add("b1", Self.caller("b"))
    for _ in 0..<3 {
      let next = queue.next(.short)
      let taken = try #require(next)
      queue.needsLonger(taken.id)
    }
    #expect(queue.next(.short) == nil)
    #expect(Self.drain(&queue, .long) == ["a1", "b1", "a2"])
    #expect(queue.running(.long) == 3)
    #expect(queue.running(.short) == 0)
  }

  @Test func `who overdraws is refused and nobody else`() throws {
    var queue = ScanQueue<String>(Self.limits(2, 3, 100))
    let ids = try [
      queue.add("1", Self.caller("a", "x")), queue.add("2", Self.caller("a", "x")),
    ]
    #expect(throws: StoreError.overdrawn(subject: "principal", waiting: 2, limit: 2)) {
      try queue.add("3", Self.caller("a", "x"))
    }
    _ = try queue.add("4", Self.caller("a", "y"))
    #expect(throws: StoreError.overdrawn(subject: "org", waiting: 3, limit: 3)) {
      try queue.add("5", Self.caller("a", "z"))
    }
    _ = try queue.add("6", Self.caller("b", "x"))
    // A running scan counts until it is answered, in whichever lane.
    let next = queue.next(.short)
    let first = try #require(next)
    #expect(first.id == ids[0])
    queue.needsLonger(first.id)
    #expect(throws: StoreError.self) { try queue.add("7", Self.caller("a", "x")) }
    #expect(queue.next(.long)?.id == first.id)
    queue.finished(first.id)
    _ = try queue.add("8", Self.caller("a", "x"))
  }

  @Test func `when all places are taken an org has its even part, and one without any gets one`()
    throws
  {
    var queue = ScanQueue<String>(Self.limits(10, 10, 4))
    for job in ["1", "2", "3"] { _ = try queue.add(job, Self.caller("a")) }
    _ = try queue.add("4", Self.caller("b"))
    #expect(throws: StoreError.overdrawn(subject: "org", waiting: 3, limit: 2)) {
      try queue.add("5", Self.caller("a"))
    }
    _ = try queue.add("6", Self.caller("b"))
    _ = try queue.add("7", Self.caller("c"))
    #expect(throws: StoreError.overdrawn(subject: "org", waiting: 2, limit: 1)) {
      try queue.add("8", Self.caller("b"))
    }
    #expect(queue.count == 6)
  }

  @Test func `a withdrawn scan frees its place and is not given out`() throws {
    var queue = ScanQueue<String>(Self.limits(2, 2, 2))
    let first = try queue.add("1", Self.caller("a"))
    let second = try queue.add("2", Self.caller("a"))
    #expect(queue.withdraw(first) == "1")
    #expect(queue.withdraw(first) == nil)
    let third = try queue.add("3", Self.caller("a"))
    #expect(queue.next(.short)?.id == second)
    #expect(queue.withdraw(second) == nil, "it runs")
    queue.needsLonger(second)
    #expect(queue.withdraw(second) == "2", "it waits again")
    #expect(queue.next(.short)?.id == third)
    queue.finished(third)
    #expect(queue.count == 0)
  }

  @Test func `a held lane gives nothing out`() throws {
    var queue = ScanQueue<String>()
    _ = try queue.add("1", Self.caller("a"))
    queue.hold(.short, true)
    #expect(queue.next(.short) == nil)
    queue.hold(.short, false)
    #expect(queue.next(.short)?.job == "1")
  }
}
