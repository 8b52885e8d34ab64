internal import SQL
internal import Synchronization

/// Feeds all watches from the one event log. It keeps etcd's six promises for each of them: ordered
/// (by revision), unique (never twice), reliable (none left out), atomic (a transaction's events are
/// dispatched together), resumable (from any kept revision), bookmarkable (a bookmark promises that
/// nothing at or below it is missing).
///
/// One thread of its own reads pages for watches that catch up and offers events; the writer only
/// hands over what it committed. Idle watches cost memory and, every bookmark interval, one call.
public final class WatchHub: Sendable {
  struct Options: Sendable {
    /// Events kept for a full sink before its watch falls back to the log.
    var bufferLimit = 256
    /// Rows read at once for a watch that catches up.
    var pageSize = 256
    /// Committed events that may wait for the hub before it falls back to the log altogether.
    var backlogLimit = 20_000
    var bookmarkIntervalMilliseconds: Int64 = 5_000
    /// How long a turn serves watches that catch up before live events go on.
    var catchUpMilliseconds: Int64 = 5
  }

  enum Command: Sendable {
    case subscribe(
      id: Int, filter: WatchFilter, revision: Int64, encoding: WatchEncoding, sink: any WatchSink)
    case writable(Int)
    case cancel(Int)
  }

  struct Inbox {
    /// Whether there is a watch, or one on its way. Without any, commits only move `passed`.
    var isWatched = false
    /// The newest revision that was committed while nobody watched.
    var passed: Int64 = 0
    var commands: [Command] = []
    var events: [LoggedEvent] = []
    /// Events were discarded; the newest revision is in the log.
    var hasLostEvents = false
    var isClosed = false
    var isEmpty: Bool { commands.isEmpty && events.isEmpty && !hasLostEvents && !isClosed }
  }

  private let inbox = Monitor(Inbox())
  private let nextID = Atomic<Int>(1)
  private let backlogLimit: Int
  private let thread: WorkerThread
  private let subscribed: Monitor<Int>

  /// `head`: the newest committed revision before the first `publish`.
  init(log: any WatchLog, head: Int64, options: Options = Options()) {
    backlogLimit = options.backlogLimit
    let count = Monitor(0)
    subscribed = count
    let inbox = self.inbox
    thread = WorkerThread(name: "store-watch") {
      let loop = WatchLoop(log: log, head: head, options: options)
      var deadline = StoreClock.monotonicMilliseconds() + loop.tickMilliseconds
      while true {
        // With pages left to read the inbox is only looked into, so that live events go first.
        let wait = loop.hasWork ? 0 : deadline
        var taken =
          inbox.wait(untilMilliseconds: wait) { state -> Inbox? in
            if state.isEmpty { return nil }
            defer {
              state = Inbox(
                isWatched: state.isWatched, passed: state.passed, isClosed: state.isClosed)
            }
            return state
          } ?? Inbox()
        if taken.isClosed {
          loop.close(taken.commands)
          break
        }
        loop.turn(&taken)
        count.withLock { $0 = loop.count }
        if loop.count == 0 { inbox.withLock { $0.isWatched = !$0.commands.isEmpty } }
        let now = StoreClock.monotonicMilliseconds()
        if now >= deadline {
          loop.tick()
          deadline = max(deadline + loop.tickMilliseconds, now)
        }
      }
    }
  }

  /// Starts a watch of the events after `revision` that `filter` matches.
  ///
  /// For "a snapshot, then live": read the snapshot and `ReadTransaction.revision()` in one
  /// `store.read` and pass that revision. An unusable revision ends the watch through the sink.
  public func subscribe(
    _ filter: WatchFilter, after revision: Int64, encoding: WatchEncoding, sink: any WatchSink
  ) -> WatchSubscription {
    let id = nextID.add(1, ordering: .relaxed).oldValue
    post(
      .subscribe(id: id, filter: filter, revision: revision, encoding: encoding, sink: sink))
    return WatchSubscription(id: id) { [weak self] command in self?.post(command) }
  }

  /// Watches the hub knows of; for metrics and tests.
  public var count: Int { subscribed.withLock { $0 } }

  /// Hands over what a commit appended, in order. Called by the writer after each commit. Wakes nobody while nobody watches.
  func publish(_ events: [LoggedEvent]) {
    guard let newest = events.last?.revision else { return }
    let isWatched = inbox.withLock { state in
      guard state.isWatched else {
        state.passed = newest
        return false
      }
      if state.events.count + events.count > backlogLimit {
        state.events = []
        state.hasLostEvents = true
      } else if !state.hasLostEvents {
        state.events.append(contentsOf: events)
      }
      return true
    }
    if isWatched { inbox.signal() }
  }

  private func post(_ command: Command) {
    let isClosed = inbox.withLock { state in
      if !state.isClosed {
        state.commands.append(command)
        state.isWatched = true
      }
      return state.isClosed
    }
    if isClosed {
      if case .subscribe(_, _, _, _, let sink) = command { sink.ended(.closed) }
    } else {
      inbox.signal()
    }
  }

  /// Ends every watch with `.closed` and the thread with them. Blocks.
  func close() {
    inbox.withLock { $0.isClosed = true }
    inbox.broadcast()
    thread.join()
  }
}

/// What the hub reads from the log; a protocol so that the hub is tested without a database.
protocol WatchLog: Sendable {
  /// Events of `filter.org` after `revision`, in order, at most `limit`, with the log's ends.
  /// Called on the hub's thread only.
  func page(after revision: Int64, _ filter: WatchFilter, limit: Int) throws -> WatchPage
}

struct WatchPage: Sendable {
  /// Those that the filter matches.
  var events: [LoggedEvent]
  /// Every event up to here was examined.
  var through: Int64
  /// The newest compacted revision, and the newest of all.
  var floor: Int64
  var head: Int64
}

/// The log of a store.
struct StoredWatchLog: WatchLog {
  let reader: Reader

  func page(after revision: Int64, _ filter: WatchFilter, limit: Int) throws -> WatchPage {
    try reader.readOnce { transaction in
      let log = EventLog(transaction)
      let floor = try log.floor()
      let head = try log.head()
      guard revision >= floor, revision < head else {
        return WatchPage(events: [], through: revision, floor: floor, head: head)
      }
      // Who names resources and is far behind is not led through all that happened to others.
      if !filter.resourceIDs.isEmpty, head - revision > limit {
        let (events, through) = try log.page(
          after: revision, org: filter.org, resources: filter.resourceIDs, limit: limit)
        return WatchPage(
          events: events.filter { filter.matches($0.event) }, through: through ?? head,
          floor: floor, head: head)
      }
      let events = try log.page(after: revision, org: filter.org, limit: limit)
      let isEnd = events.count < limit
      return WatchPage(
        events: events.filter { filter.matches($0.event) },
        through: isEnd ? head : events.last?.revision ?? head, floor: floor, head: head)
    }
  }
}
