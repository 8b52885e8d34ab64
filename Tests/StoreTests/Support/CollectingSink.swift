import Synchronization

@testable import Store

/// A sink that keeps what it is given, is full on request, and can be awaited.
final class CollectingSink: WatchSink {
  struct Received: Sendable {
    var events: [WatchedEvent] = []
    var bookmarks: [Int64] = []
    var end: WatchEnd?
    var isFull = false
    var refusals = 0
    var revisions: [Int64] { events.map(\.revision) }
  }
  private struct State {
    var received = Received()
    var waiters: [(@Sendable (Received) -> Bool, CheckedContinuation<Void, Never>)] = []
  }
  private let state = Mutex(State())

  var received: Received { state.withLock { $0.received } }

  func setFull(_ isFull: Bool) { update { $0.isFull = isFull } }

  /// Suspends until `condition` holds of what was received.
  func until(_ condition: @escaping @Sendable (Received) -> Bool) async {
    await withCheckedContinuation { continuation in
      let holds = state.withLock { state in
        if condition(state.received) { return true }
        state.waiters.append((condition, continuation))
        return false
      }
      if holds { continuation.resume() }
    }
  }

  func offer(_ events: [WatchedEvent]) -> WatchOffer {
    update { received in
      if received.isFull {
        received.refusals += 1
        return .full
      }
      received.events += events
      return .accepted
    }
  }

  func bookmark(_ revision: Int64) -> WatchOffer {
    update { received in
      if received.isFull { return .full }
      received.bookmarks.append(revision)
      return .accepted
    }
  }

  func ended(_ reason: WatchEnd) { update { $0.end = reason } }

  @discardableResult
  private func update<R: Sendable>(_ change: (inout Received) -> R) -> R {
    let (result, ready) = state.withLock { state in
      let result = change(&state.received)
      let received = state.received
      let ready = state.waiters.filter { $0.0(received) }.map(\.1)
      state.waiters.removeAll { $0.0(received) }
      return (result, ready)
    }
    for continuation in ready { continuation.resume() }
    return result
  }
}

extension WatchEncoding {
  /// The resource id's bytes.
  static let resourceID = WatchEncoding { Array($0.event.resourceID.utf8) }
}
