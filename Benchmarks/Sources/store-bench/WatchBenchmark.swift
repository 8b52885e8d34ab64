import Store
import Synchronization

/// Many idle watches, and one event that concerns a few of them.
struct WatchBenchmark {
  let store: Store

  final class Sink: WatchSink {
    let counters: Counters
    init(_ counters: Counters) { self.counters = counters }
    func offer(_ events: [WatchedEvent]) -> WatchOffer {
      counters.delivered.add(events.count, ordering: .relaxed)
      return .accepted
    }
    func bookmark(_ revision: Int64) -> WatchOffer {
      counters.bookmarks.add(1, ordering: .relaxed)
      return .accepted
    }
    func ended(_ reason: WatchEnd) {}
  }

  final class Counters: Sendable {
    let delivered = Atomic(0)
    let bookmarks = Atomic(0)
  }

  func run(watches count: Int) async throws {
    let counters = Counters()
    let encoding = WatchEncoding { $0.event.payload }
    let revision = try store.read { try $0.revision() }
    let before = residentKiB()
    let start = now()
    let watches = (0..<count).map { index in
      // One in a hundred watches the resource that changes.
      store.watch.subscribe(
        WatchFilter(org: "org-1", resourceIDs: ["rollout-\(index % 100)"]), after: revision,
        encoding: encoding, sink: Sink(counters))
    }
    while counters.bookmarks.load(ordering: .relaxed) < count { await Task.yield() }
    let opened = Double(now() - start) / 1e3 / Double(count)
    line(
      "\(count) idle watches",
      "\((Double(residentKiB() - before) / Double(count)).text(2)) KiB each, "
        + "\(opened.text(2)) µs to subscribe and catch up")

    let events = 500
    let interested = (count + 99) / 100
    let processor = processorTime()
    for index in 0..<events {
      try await store.write { tx in
        _ = try tx.append(
          NewEvent(
            org: "org-1", kind: "rollout.advanced", resourceType: "rollout",
            resourceID: "rollout-0", actor: "bench", method: "/bench/Advance",
            payload: [UInt8](repeating: 1, count: 200)))
      }
      while counters.delivered.load(ordering: .acquiring) < (index + 1) * interested {
        await Task.yield()
      }
    }
    let used = Double(processorTime() - processor) / 1e3 / Double(events)
    line(
      "event to \(interested) of \(count) watches",
      "\(used.text(0)) CPU-µs with its own commit, \((used / Double(interested)).text(2)) a watch")
    for watch in watches { watch.cancel() }
  }
}
