internal import Synchronization

/// Values that may be lost for a moment: last seen, counters. They are merged in memory and written
/// together at the store's flush interval, so a million reports of a device are a few row updates.
///
/// Loss window: what was recorded since the last flush, at most the flush interval (500 ms) plus the
/// time of one commit, is lost when the process is killed; nothing is lost by `Store.close`. State
/// that anybody acts on is never buffered. While the disk is full the values wait and are merged
/// further: the buffer holds one value for each key.
public final class WriteBehind<Key: Hashable & Sendable, Value: Sendable>: Sendable {
  private struct State {
    var recorded: [Key: Value] = [:]
    /// On its way through the writer; merged back when the commit fails.
    var flushing: [Key: Value] = [:]
  }
  private let state = Mutex(State())
  private let merge: @Sendable (inout Value, Value) -> Void
  private let write: @Sendable (WriteTransaction, [Key: Value]) throws -> Void

  /// `merge` adds a newer value to an older one; `write` stores a batch, within a transaction.
  public init(
    merge: @escaping @Sendable (inout Value, Value) -> Void,
    write: @escaping @Sendable (WriteTransaction, [Key: Value]) throws -> Void
  ) {
    self.merge = merge
    self.write = write
  }

  /// Remembers a change. Any thread.
  public func record(_ key: Key, _ value: Value) {
    state.withLock { state in
      Self.add(value, to: &state.recorded, key, merge)
    }
  }

  /// What is recorded for `key` and not yet committed, to be added to what a read found.
  public func pending(_ key: Key) -> Value? {
    state.withLock { state in
      guard var value = state.flushing[key] else { return state.recorded[key] }
      if let newer = state.recorded[key] { merge(&value, newer) }
      return value
    }
  }

  /// Keys that wait to be written.
  public var count: Int { state.withLock { $0.recorded.count } }

  private static func add(
    _ value: Value, to values: inout [Key: Value], _ key: Key,
    _ merge: (inout Value, Value) -> Void
  ) {
    if values[key] == nil {
      values[key] = value
    } else {
      merge(&values[key]!, value)
    }
  }
}

/// A buffer as the store's clock sees it.
protocol Flushable: Sendable {
  /// A job that writes what is recorded now; nil when there is nothing, or a flush is under way.
  /// `completion` gets the error of a flush that failed; its values are merged back before.
  func flush(_ completion: @escaping @Sendable ((any Error)?) -> Void) -> (any WriteJob)?
}

extension WriteBehind: Flushable {
  func flush(_ completion: @escaping @Sendable ((any Error)?) -> Void) -> (any WriteJob)? {
    let batch: [Key: Value]? = state.withLock { state in
      guard state.flushing.isEmpty, !state.recorded.isEmpty else { return nil }
      swap(&state.flushing, &state.recorded)
      return state.flushing
    }
    guard let batch else { return nil }
    return InternalWrite { [write] transaction in
      try write(transaction, batch)
    } completion: { [self] error in
      state.withLock { state in
        if error != nil {
          for (key, newer) in state.recorded {
            Self.add(newer, to: &state.flushing, key, merge)
          }
          state.recorded = state.flushing
        }
        state.flushing = [:]
      }
      completion(error)
    }
  }
}
