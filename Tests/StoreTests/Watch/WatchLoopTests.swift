import Testing

@testable import Store

/// Turns of the loop, one after the other on the test's own thread.
@Suite struct WatchLoopTests {
  private static let pageSize = 4

  private let log = MemoryLog()
  private let loop: WatchLoop

  init() {
    // A hundred pages for whoever begins at 0, of two orgs.
    log.append(
      (1...Int64(100 * Self.pageSize)).map {
        Self.event($0, org: $0.isMultiple(of: 2) ? "even" : "odd")
      })
    var options = WatchHub.Options()
    options.pageSize = Self.pageSize
    // As little as a turn can give to those behind: one step.
    options.catchUpMilliseconds = 0
    loop = WatchLoop(log: log, head: Int64(100 * Self.pageSize), options: options)
  }

  private static func event(_ revision: Int64, org: String) -> LoggedEvent {
    LoggedEvent(
      revision: revision, createdAtMilliseconds: 0, chainHash: [], event: .sample(org: org, "x"))
  }

  private func turn(_ commands: [WatchHub.Command] = [], _ events: [LoggedEvent] = []) {
    var inbox = WatchHub.Inbox()
    inbox.commands = commands
    inbox.events = events
    loop.turn(&inbox)
  }

  private func subscribe(
    _ id: Int, org: String, after revision: Int64, _ sink: CollectingSink
  ) -> WatchHub.Command {
    .subscribe(
      id: id, filter: WatchFilter(org: org), revision: revision, encoding: .resourceID, sink: sink)
  }

  @Test func `a live event goes out in the turn it comes in, whoever else is behind`() {
    let (live, old) = (CollectingSink(), (0..<50).map { _ in CollectingSink() })
    let head = Int64(100 * Self.pageSize)
    turn([subscribe(0, org: "live", after: head, live)])
    turn(old.enumerated().map { subscribe($0 + 1, org: "odd", after: 0, $1) })
    turn([], [Self.event(head + 1, org: "live")])
    #expect(live.received.revisions == [head + 1])
    #expect(old.allSatisfy { $0.received.end == nil && $0.received.bookmarks.isEmpty })
    #expect(old.map(\.received.events.count).reduce(0, +) <= 2 * Self.pageSize)
    #expect(loop.hasWork)
  }

  @Test func `orgs take turns in catching up`() {
    let (many, one) = ((0..<50).map { _ in CollectingSink() }, CollectingSink())
    turn(many.enumerated().map { subscribe($0 + 1, org: "odd", after: 0, $1) })
    turn([subscribe(100, org: "even", after: 0, one)])
    // A page and an offer of it for each of a hundred pages, every other turn.
    for _ in 0..<(2 * 2 * 100 + 2) { turn() }
    #expect(one.received.events.count == 100 * Self.pageSize / 2)
    #expect(!one.received.bookmarks.isEmpty)
    #expect(many.contains { $0.received.bookmarks.isEmpty })
  }

  @Test func `whoever caught up misses nothing and gets nothing twice`() {
    let sinks = (0..<5).map { _ in CollectingSink() }
    turn(sinks.enumerated().map { subscribe($0, org: "odd", after: Int64($0), $1) })
    var revision = Int64(100 * Self.pageSize)
    while loop.hasWork {
      let logged = Self.event(revision + 1, org: "odd")
      // Some arrive while they catch up.
      if revision < 430 {
        log.append([logged])
        turn([], [logged])
        revision += 1
      } else {
        turn()
      }
    }
    for (index, sink) in sinks.enumerated() {
      let expected = (Int64(index) + 1...revision).filter { $0 > 400 || !$0.isMultiple(of: 2) }
      #expect(sink.received.revisions == expected)
    }
  }
}
