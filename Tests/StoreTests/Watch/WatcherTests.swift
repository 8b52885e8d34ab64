import Testing

@testable import Store

private struct Item: Revisioned, Hashable {
  var revision: Int64
  var isMatching = true
}

@Suite struct WatcherTests {
  private func synced(after revision: Int64 = 10, limit: Int = 2) -> Watcher<Item> {
    var watcher = Watcher<Item>(after: revision, limit: limit)
    watcher.page([], through: revision, head: revision)
    return watcher
  }

  @Test func `a new watcher reads the log after the revision it resumes from`() {
    let watcher = Watcher<Item>(after: 7, limit: 2)
    guard case .read(after: 7) = watcher.next else {
      Issue.record("\(watcher.next)")
      return
    }
    #expect(watcher.bookmark(head: 9) == 7)
  }

  @Test(arguments: [
    // A page that ends before what was dispatched leaves the watcher catching up.
    (through: Int64(11), head: Int64(12), state: "catchingUp"),
    (through: 12, head: 12, state: "synced"),
    (through: 13, head: 12, state: "synced"),
  ])
  func `a page ends the catching up when it reaches what was dispatched`(
    through: Int64, head: Int64, state: String
  ) {
    var watcher = Watcher<Item>(after: 10, limit: 2)
    watcher.page([Item(revision: 11)], through: through, head: head)
    #expect("\(watcher.state)" == state)
    #expect(watcher.buffer == [Item(revision: 11)])
  }

  @Test func `an event that was read from the log is not taken again live`() {
    var watcher = Watcher<Item>(after: 10, limit: 2)
    watcher.page([Item(revision: 12)], through: 13, head: 11)
    watcher.live(Item(revision: 12))
    watcher.live(Item(revision: 13))
    watcher.live(Item(revision: 14))
    #expect(watcher.buffer.map(\.revision) == [12, 14])
  }

  @Test(arguments: [(waiting: 1, state: "synced"), (2, "synced"), (3, "catchingUp")])
  func `a full buffer falls back to the log at the first event not taken`(
    waiting: Int, state: String
  ) {
    var watcher = synced(after: 10, limit: 2)
    watcher.refused()
    for offset in 0..<waiting { watcher.live(Item(revision: 20 + Int64(offset))) }
    #expect("\(watcher.state)" == state)
    if waiting == 3 {
      #expect(watcher.scanned == 19)
      #expect(watcher.buffer.isEmpty)
    }
  }

  @Test func `a blocked watcher does nothing until its sink is writable`() {
    var watcher = synced()
    watcher.live(Item(revision: 11))
    watcher.refused()
    guard case .wait = watcher.next else {
      Issue.record("\(watcher.next)")
      return
    }
    #expect(watcher.bookmark(head: 11) == nil)
    watcher.becameWritable()
    guard case .offer(let events) = watcher.next else {
      Issue.record("\(watcher.next)")
      return
    }
    watcher.accepted(events.count)
    #expect(watcher.bookmark(head: 15) == 15)
  }

  @Test func `lost events send a synced watcher back to the last that was dispatched`() {
    var watcher = synced(after: 10)
    watcher.lost(after: 30)
    #expect(watcher.state == .catchingUp)
    #expect(watcher.scanned == 30)
  }

  @Test func `an ended watcher stays ended`() {
    var watcher = synced()
    watcher.live(Item(revision: 11))
    watcher.end()
    watcher.live(Item(revision: 12))
    watcher.page([Item(revision: 12)], through: 12, head: 12)
    #expect(watcher.state == .ended && watcher.buffer.isEmpty)
    #expect(watcher.bookmark(head: 12) == nil)
  }

  /// The log, the queue to the hub and a sink as a model around one watcher; every step may come in
  /// any order.
  private struct Model {
    var random: SplitMix
    var log: [Item] = []
    /// Committed and not yet dispatched.
    var queue: [Item] = []
    var head: Int64
    let start: Int64
    var watcher: Watcher<Item>
    var accepted: [Item] = []
    var fallBacks = 0
    /// What the sink accepted is no longer what the log holds.
    var isWrong = false

    init(seed: UInt64) {
      random = SplitMix(seed: seed)
      for revision in 1...20 {
        log.append(Item(revision: Int64(revision), isMatching: Bool.random(using: &random)))
      }
      head = 20
      start = Int64.random(in: 0...20, using: &random)
      watcher = Watcher(after: start, limit: Int.random(in: 1...4, using: &random), batch: 3)
    }

    mutating func commit() {
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        let item = Item(
          revision: Int64(log.count + 1), isMatching: Int.random(in: 0..<3, using: &random) > 0)
        log.append(item)
        queue.append(item)
      }
    }

    mutating func dispatch() {
      let wasSynced = watcher.state == .synced
      for item in queue where item.revision > head {
        if item.isMatching { watcher.live(item) }
        head = item.revision
      }
      queue = []
      if wasSynced, watcher.state == .catchingUp { fallBacks += 1 }
    }

    mutating func lose() {
      queue = []
      watcher.lost(after: head)
      head = Int64(log.count)
    }

    mutating func step() {
      switch watcher.next {
      case .wait: break
      case .read(let after):
        let rows = log[Int(after)...].prefix(5)
        let through = rows.count < 5 ? Int64(log.count) : rows.last?.revision ?? after
        watcher.page(rows.filter(\.isMatching), through: through, head: head)
      case .offer(let events):
        if Int.random(in: 0..<3, using: &random) == 0 {
          watcher.refused()
        } else {
          for event in events {
            // Each accepted event must be the first matching one after the last.
            let last = accepted.last?.revision ?? start
            let expected = log[Int(last)...].first { $0.isMatching }
            if expected != event { isWrong = true }
            accepted.append(event)
          }
          watcher.accepted(events.count)
        }
      }
    }

    func matching(through revision: Int64) -> [Item] {
      log.filter { $0.isMatching && $0.revision > start && $0.revision <= revision }
    }
  }

  @Test func `under any interleaving a watch is ordered, unique, complete and bookmarked`() {
    var fallBacks = 0
    for seed in 1...UInt64(500) {
      var model = Model(seed: seed)
      for _ in 0..<200 {
        switch Int.random(in: 0..<20, using: &model.random) {
        case 0..<5: model.commit()
        case 5..<9: model.dispatch()
        case 9: model.lose()
        case 10..<12: model.watcher.becameWritable()
        case 12:
          if let revision = model.watcher.bookmark(head: model.head) {
            if model.accepted != model.matching(through: revision) { model.isWrong = true }
          }
        default: model.step()
        }
      }
      model.dispatch()
      for _ in 0..<1_000 {
        model.watcher.becameWritable()
        model.step()
      }
      #expect(!model.isWrong, "seed \(seed)")
      #expect(model.watcher.state == .synced, "seed \(seed)")
      #expect(model.accepted == model.matching(through: .max), "seed \(seed)")
      fallBacks += model.fallBacks
    }
    #expect(fallBacks > 250, "the interleavings hardly reach the interesting state")
  }
}
