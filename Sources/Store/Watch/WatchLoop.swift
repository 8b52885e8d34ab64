/// The hub's single-threaded part: the watchers, whom an event concerns, and what each needs next.
/// Confined to the hub's thread.
final class WatchLoop {
  private final class Entry {
    var watcher: Watcher<SharedEvent>
    let filter: WatchFilter
    let encoding: WatchEncoding
    let sink: any WatchSink
    /// In `ready` already.
    var isQueued = false
    /// Told once that it has caught up.
    var hasCaughtUp = false

    init(
      _ watcher: Watcher<SharedEvent>, _ filter: WatchFilter, _ encoding: WatchEncoding,
      _ sink: any WatchSink
    ) {
      self.watcher = watcher
      self.filter = filter
      self.encoding = encoding
      self.sink = sink
    }
  }

  /// Bookmarks are spread over an interval in this many slots.
  private static let slots = 10

  private let log: any WatchLog
  private let options: WatchHub.Options
  private var entries: [Int: Entry] = [:]
  private var group = WatcherGroup()
  /// The newest revision dispatched to synced watchers.
  private var head: Int64
  /// False while events after `head` may be committed that will never be dispatched.
  private var headIsExact = true
  /// Synced watchers with events to offer, in the order they got them.
  private var ready: [Int] = []
  /// Watchers that catch up and have something to do. Orgs take turns, for what they read is as long as their logs.
  private var behind = Turns<Line<Int>>()
  private var slot = 0
  private var slotMembers = [Set<Int>](repeating: [], count: WatchLoop.slots)

  init(log: any WatchLog, head: Int64, options: WatchHub.Options) {
    self.log = log
    self.head = head
    self.options = options
  }

  var count: Int { entries.count }
  var hasWork: Bool { !ready.isEmpty || !behind.isEmpty }
  var tickMilliseconds: Int64 {
    max(1, options.bookmarkIntervalMilliseconds / Int64(Self.slots))
  }

  /// Takes what arrived, gives every synced watcher one step, and then for a while those that catch up.
  func turn(_ inbox: inout WatchHub.Inbox) {
    // Nobody watched then, and whoever subscribed since wants to know how far the log has come.
    head = max(head, inbox.passed)
    for command in inbox.commands { carryOut(command) }
    if inbox.hasLostEvents { recoverLostEvents() }
    dispatch(inbox.events)
    offerLive()
    catchUp()
  }

  /// One slot of watchers gets its bookmark.
  func tick() {
    slot = (slot + 1) % Self.slots
    for id in slotMembers[slot] {
      if let entry = entries[id] { bookmark(id, entry) }
    }
  }

  /// Ends every watch, also those that `commands` would have begun.
  func close(_ commands: [WatchHub.Command]) {
    for command in commands { carryOut(command) }
    for entry in entries.values { entry.sink.ended(.closed) }
    entries.removeAll()
  }

  // MARK: Input

  private func carryOut(_ command: WatchHub.Command) {
    switch command {
    case .subscribe(let id, let filter, let revision, let encoding, let sink):
      let entry = Entry(
        Watcher(after: revision, limit: options.bufferLimit), filter, encoding, sink)
      entries[id] = entry
      group.insert(id, filter)
      slotMembers[id % Self.slots].insert(id)
      enqueue(id, entry)
    case .writable(let id):
      guard let entry = entries[id] else { return }
      entry.watcher.becameWritable()
      enqueue(id, entry)
    case .cancel(let id): remove(id)
    }
  }

  private func dispatch(_ events: [LoggedEvent]) {
    for logged in events {
      // After lost events the log was read further than the queue reaches.
      guard logged.revision > head else { continue }
      // A commit that was reported as failed did happen after all: its events are in the log only.
      if logged.revision != head + 1 { recoverLostEvents() }
      guard logged.revision > head else { continue }
      let event = SharedEvent(logged)
      group.forEachInterested(in: logged.event) { id in
        guard let entry = entries[id] else { return }
        entry.watcher.live(event)
        enqueue(id, entry)
      }
      head = logged.revision
    }
  }

  /// Events were committed that will not be dispatched: whoever was synced reads what it missed from the log.
  private func recoverLostEvents() {
    for (id, entry) in entries {
      entry.watcher.lost(after: head)
      enqueue(id, entry)
    }
    do {
      head = max(head, try log.page(after: .max, WatchFilter(org: ""), limit: 0).head)
      headIsExact = true
    } catch {
      // Every watch reads the log before it is synced again, and reports the error if it stays.
      headIsExact = false
    }
  }

  private func enqueue(_ id: Int, _ entry: Entry) {
    guard !entry.isQueued else { return }
    entry.isQueued = true
    if entry.watcher.state == .synced {
      ready.append(id)
    } else {
      behind.with(entry.filter.org, orElse: Line()) { $0.append(id) }
    }
  }

  private func remove(_ id: Int) {
    guard entries.removeValue(forKey: id) != nil else { return }
    group.remove(id)
    slotMembers[id % Self.slots].remove(id)
  }

  // MARK: Output

  private func offerLive() {
    let now = ready
    ready = []
    for id in now {
      guard let entry = entries[id] else { continue }
      entry.isQueued = false
      // One that fell back meanwhile has to read.
      if entry.watcher.state == .synced { step(id, entry) } else { enqueue(id, entry) }
    }
  }

  /// Gives those behind a step each, until the time of a turn is up: whoever is synced, and whatever wakes by events, waits no longer
  /// than that, however many catch up and however far they are behind.
  private func catchUp() {
    let end = StoreClock.monotonicMilliseconds() + options.catchUpMilliseconds
    repeat {
      guard let id = behind.next() else { return }
      guard let entry = entries[id] else { continue }
      entry.isQueued = false
      step(id, entry)
    } while StoreClock.monotonicMilliseconds() < end
  }

  private func step(_ id: Int, _ entry: Entry) {
    switch entry.watcher.next {
    case .wait: break
    case .offer(let events): offer(events, id, entry)
    case .read(let revision): read(after: revision, id, entry)
    }
  }

  private func offer(_ events: ArraySlice<SharedEvent>, _ id: Int, _ entry: Entry) {
    do {
      var encoded: [WatchedEvent] = []
      encoded.reserveCapacity(events.count)
      for event in events {
        if let bytes = try event.bytes(entry.encoding) {
          encoded.append(
            WatchedEvent(revision: event.revision, kind: event.logged.event.kind, bytes: bytes))
        }
      }
      if encoded.isEmpty || entry.sink.offer(encoded) == .accepted {
        entry.watcher.accepted(events.count)
        proceed(id, entry)
      } else {
        entry.watcher.refused()
      }
    } catch {
      end(id, entry, .failed("\(error)"))
    }
  }

  private func read(after revision: Int64, _ id: Int, _ entry: Entry) {
    // At the head of what was dispatched there is nothing to read; events after it arrive live.
    if revision == head, headIsExact {
      entry.watcher.page([], through: revision, head: head)
      return proceed(id, entry)
    }
    do {
      let page = try log.page(after: revision, entry.filter, limit: options.pageSize)
      if revision < page.floor {
        return end(id, entry, .compacted(requested: revision, oldest: page.floor))
      }
      if revision > page.head {
        return end(id, entry, .futureRevision(requested: revision, newest: page.head))
      }
      entry.watcher.page(page.events.map(SharedEvent.init), through: page.through, head: head)
      proceed(id, entry)
    } catch {
      end(id, entry, .failed("\(error)"))
    }
  }

  /// Queues what comes next; tells a watch that has just caught up.
  private func proceed(_ id: Int, _ entry: Entry) {
    if case .wait = entry.watcher.next {
      if !entry.hasCaughtUp, entry.watcher.state == .synced {
        entry.hasCaughtUp = true
        bookmark(id, entry)
      }
    } else {
      enqueue(id, entry)
    }
  }

  private func bookmark(_ id: Int, _ entry: Entry) {
    guard let revision = entry.watcher.bookmark(head: head) else { return }
    if entry.sink.bookmark(revision) == .full { entry.watcher.refused() }
  }

  private func end(_ id: Int, _ entry: Entry, _ reason: WatchEnd) {
    entry.watcher.end()
    remove(id)
    entry.sink.ended(reason)
  }
}
