internal import SQL
internal import Synchronization

/// Values that devices report, merged in memory and written together: a million reports of a device are a few row updates.
///
/// What is recorded is written at the store's flush interval. Whoever must know that it is on disk says so: then it is written as soon as
/// the flush under way has ended, together with all that came meanwhile, and the caller is told. Recording costs the same however much is
/// recorded: the store's clock prepares the flush. What nobody waits for and was recorded
/// since the last flush, at most the interval (500 ms) and the time of a commit, is lost when the process is killed; nothing is lost by
/// closing.
///
/// A flush goes in parts of at most 500 keys, each a closure of its own. A part that is refused is halved until the key that it is refused
/// for stands alone: that one is dropped and told of. While the disk is full nothing is dropped: values wait and are merged further.
public final class WriteBehind<Key: Hashable & Sendable, Value: Sendable>: Sendable {
  /// Told once what was recorded is on disk (nil), or why it is not.
  typealias Waiter = @Sendable ((any Error)?) -> Void

  private struct State {
    var recorded: [Key: Value] = [:]
    var waiters: [Key: [Waiter]] = [:]
    /// On its way through the writer.
    var flushing: [Key: Value] = [:]
    /// What the flush under way, or the one before, is called in the rows that it writes. No two are called the same: a server begins
    /// anywhere.
    var flush = Int64.random(in: 1..<(.max / 2))
    var flushWaiters: [Key: [Waiter]] = [:]
    /// Parts of the flush under way that have not ended.
    var parts = 0
    /// Whether values of the flush under way had to be kept.
    var hasKept = false
    /// Flushes that have ended, and who waits for how many.
    var flushes = 0
    var ends: [(flushes: Int, body: @Sendable () -> Void)] = []
  }

  private struct Writing: Sendable {
    let damage: TelemetryDamage
    let enqueue: @Sendable (any WriteJob) -> Void
    let note: @Sendable ((any Error)?) -> Void
    /// False when nobody is there to be woken.
    let wake: @Sendable () -> Bool
  }

  /// Keys in one closure.
  static var partSize: Int { 500 }

  private let name: String
  private let state = Mutex(State())
  private let writing = Mutex<Writing?>(nil)
  private let merge: @Sendable (inout Value, Value) -> Void
  private let write: @Sendable (TelemetryTransaction, [Key: Value], Int64) throws -> Void

  /// `merge` adds a newer value to an older one; `write` stores a part of the flush of a number, within a transaction. `name` is what the
  /// log calls it.
  init(
    _ name: String, merge: @escaping @Sendable (inout Value, Value) -> Void,
    write: @escaping @Sendable (TelemetryTransaction, [Key: Value], Int64) throws -> Void
  ) {
    self.name = name
    self.merge = merge
    self.write = write
  }

  /// Connects the buffer with the store that writes it.
  func start(
    _ damage: TelemetryDamage, enqueue: @escaping @Sendable (any WriteJob) -> Void,
    note: @escaping @Sendable ((any Error)?) -> Void, wake: @escaping @Sendable () -> Bool
  ) {
    writing.withLock { $0 = Writing(damage: damage, enqueue: enqueue, note: note, wake: wake) }
  }

  /// Remembers a change. Any thread. With `whenWritten` it is written without delay.
  func record(_ key: Key, _ value: Value, whenWritten: Waiter? = nil) {
    add(key, value, whenWritten: whenWritten)
    if whenWritten != nil { hurry() }
  }

  /// Remembers a change, and nothing else: for callers under a lock. Who gave `whenWritten` calls ``hurry()`` without it.
  func add(_ key: Key, _ value: Value, whenWritten: Waiter? = nil) {
    state.withLock { state in
      Self.add(value, to: &state.recorded, key, merge)
      if let whenWritten { state.waiters[key, default: []].append(whenWritten) }
    }
  }

  /// Has what somebody waits for written without delay.
  func hurry() {
    // A flush under way goes on with it by itself.
    guard state.withLock({ $0.parts == 0 }) else { return }
    let isHeard = writing.withLock { $0 }?.wake() ?? false
    if !isHeard { flush() }
  }

  /// What is recorded for `key` and not yet committed, to be added to what a read found.
  ///
  /// Ask before the read: what leaves here has been committed, so that a read that begins afterwards sees it.
  func pending(_ key: Key) -> Value? {
    state.withLock { state in
      guard var value = state.flushing[key] else { return state.recorded[key] }
      if let newer = state.recorded[key] { merge(&value, newer) }
      return value
    }
  }

  /// What `read` finds stored for `key`, and what is recorded and not in it, each thing once.
  ///
  /// `read` tells the number of the flush that last wrote what it found; it is called again when a flush has begun meanwhile. What was
  /// committed a moment ago may still be on its way here: only the number in the row tells.
  func current<Stored>(
    _ key: Key, read: () throws -> (stored: Stored, flush: Int64)
  ) rethrows -> (stored: Stored, pending: Value?) {
    while true {
      let before = state.withLock { ($0.flushing[key], $0.recorded[key], $0.flush) }
      let found = try read()
      guard state.withLock({ $0.flush }) == before.2 else { continue }
      guard var value = before.0, found.flush != before.2 else { return (found.stored, before.1) }
      if let newer = before.1 { merge(&value, newer) }
      return (found.stored, value)
    }
  }

  /// Keys that wait to be written.
  var count: Int { state.withLock { $0.recorded.count } }

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

extension WriteBehind: Flushable {
  func flush() {
    for part in takeParts() { send(part) }
  }

  var isAwaited: Bool { state.withLock { !$0.waiters.isEmpty } }

  /// Begins a flush; nothing when one is under way or nothing is recorded.
  private func takeParts() -> [[Key: Value]] {
    let taken = state.withLock { state -> [Key: Value] in
      guard state.parts == 0, !state.recorded.isEmpty else { return [:] }
      swap(&state.flushing, &state.recorded)
      swap(&state.flushWaiters, &state.waiters)
      state.flush += 1
      // Until it is known how many there are.
      state.parts = 1
      return state.flushing
    }
    guard !taken.isEmpty else { return [] }
    // Not under the lock, which event loops take.
    let parts = Self.parts(of: taken)
    state.withLock { $0.parts = parts.count }
    return parts
  }

  func flushAll(_ completion: @escaping @Sendable () -> Void) {
    let isIdle = state.withLock { state in
      let target =
        state.flushes + (state.parts > 0 ? 1 : 0) + (state.recorded.isEmpty ? 0 : 1)
      guard target > state.flushes else { return true }
      state.ends.append((target, completion))
      return false
    }
    if isIdle { completion() } else { flush() }
  }

  private static func parts(of values: [Key: Value]) -> [[Key: Value]] {
    guard values.count > partSize else { return [values] }
    let keys = Array(values.keys)
    return stride(from: 0, to: keys.count, by: partSize).map { start in
      Dictionary(
        uniqueKeysWithValues: keys[start..<min(start + partSize, keys.count)].map {
          ($0, values[$0]!)
        })
    }
  }

  /// What a closure threw by itself, as opposed to what the writer had to say about its transaction.
  private final class Refusal: Sendable {
    let error = Mutex<(any Error)?>(nil)
  }

  private func send(_ part: [Key: Value]) {
    guard let writing = writing.withLock({ $0 }) else { return keep(part, StoreError.closed) }
    let refusal = Refusal()
    // Only a flush under way has parts.
    let flush = state.withLock { $0.flush }
    writing.enqueue(
      InternalWrite { [write, damage = writing.damage] transaction in
        do {
          try write(TelemetryTransaction(transaction, damage), part, flush)
        } catch {
          refusal.error.withLock { $0 = error }
          throw error
        }
      } completion: { [self] error in
        if let cause = refusal.error.withLock({ $0 }), Self.concernsKeys(cause) {
          refused(part, cause, writing.damage)
        } else if let error {
          writing.note(error)
          keep(part, error)
        } else {
          writing.note(nil)
          finish(part, nil)
        }
      })
  }

  /// Whether an error may be that of a key: full disks, I/O and the like are everybody's.
  private static func concernsKeys(_ error: any Error) -> Bool {
    guard let error = error as? SQLError else { return true }
    return switch error {
    case .constraint, .mismatch, .tooBig, .invalidStatement: true
    case .full, .interrupted, .busy, .corrupt, .io, .readOnly, .outOfMemory, .noDescriptor,
      .cannotOpen:
      false
    }
  }

  /// A part cannot be written for one of its keys: halves, and in the end that key alone.
  private func refused(_ part: [Key: Value], _ error: any Error, _ damage: TelemetryDamage) {
    guard part.count > 1 else {
      for key in part.keys { damage.note("\(name) of \(key)", error) }
      return finish(part, error)
    }
    let keys = Array(part.keys)
    let middle = keys.count / 2
    state.withLock { $0.parts += 1 }
    for half in [keys[..<middle], keys[middle...]] {
      send(Dictionary(uniqueKeysWithValues: half.map { ($0, part[$0]!) }))
    }
  }

  /// A part is done with: written, or dropped for `error`.
  private func finish(_ part: [Key: Value], _ error: (any Error)?) {
    let waiters = state.withLock { state in
      part.keys.flatMap { key -> [Waiter] in
        state.flushing[key] = nil
        return state.flushWaiters.removeValue(forKey: key) ?? []
      }
    }
    for waiter in waiters { waiter(error) }
    endPart()
  }

  /// A part could not be written: its values wait for the next flush.
  private func keep(_ part: [Key: Value], _ error: any Error) {
    let waiters = state.withLock { state in
      state.hasKept = true
      return part.keys.flatMap { key -> [Waiter] in
        if var value = state.flushing.removeValue(forKey: key) {
          if let newer = state.recorded[key] { merge(&value, newer) }
          state.recorded[key] = value
        }
        return state.flushWaiters.removeValue(forKey: key) ?? []
      }
    }
    for waiter in waiters { waiter(error) }
    endPart()
  }

  private func endPart() {
    let (ends, goesOn) = state.withLock { state -> ([@Sendable () -> Void], Bool) in
      state.parts -= 1
      guard state.parts == 0 else { return ([], false) }
      state.flushes += 1
      // What was kept is not tried again at once: the interval is soon enough for a disk that is full.
      let isStuck = state.hasKept
      state.hasKept = false
      let ended = state.ends.filter { isStuck || $0.flushes <= state.flushes }
      state.ends.removeAll { isStuck || $0.flushes <= state.flushes }
      return (ended.map(\.body), !isStuck && !(state.waiters.isEmpty && state.ends.isEmpty))
    }
    for end in ends { end() }
    if goesOn { flush() }
  }
}
