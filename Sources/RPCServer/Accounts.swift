import RPCCore
import Synchronization

/// What one caller holds of a server: a principal, or an address that has not said who it is. Safe from any thread.
final class Account: Sendable {
  /// Named in refusals: `principal 0190…`, `address 192.0.2.1`.
  let name: String
  let calls = Atomic<Int>(0)
  let streams = Atomic<Int>(0)
  let requestBytes = Atomic<Int>(0)
  let responseBytes = Atomic<Int>(0)
  private let rates = Mutex<[String: TokenBucket]>([:])

  init(name: String) { self.name = name }

  /// Takes one of `limit` times `share`; else nanoseconds until there is one.
  func take(_ limit: RateLimit, share: Int, now: Int64) -> Int64? {
    rates.withLock { rates in
      var bucket =
        rates[limit.name]
        ?? TokenBucket(burst: limit.burst * share, perMinute: limit.perMinute * share)
      defer { rates[limit.name] = bucket }
      return bucket.take(now: now) ? nil : bucket.wait(now: now) ?? .max
    }
  }

  /// Gives back what was taken for a call that another limit refused.
  func giveBack(_ limit: RateLimit) { rates.withLock { $0[limit.name]?.earn(1) } }

  /// Whether forgetting it changes nothing, if nobody refers to it.
  func isRested(now: Int64) -> Bool {
    rates.withLock { rates in
      for name in Array(rates.keys) where rates[name]?.isFull(now: now) == true {
        rates[name] = nil
      }
      return rates.isEmpty
    }
  }
}

/// The accounts of all callers that hold something, by name. Safe from any thread.
///
/// Bounded by what is connected: a connection refers to the accounts it calls for, a call to its own; those to which nobody refers
/// and whose rates have recovered are swept away whenever their number has doubled.
final class Accounts: Sendable {
  private struct State {
    var accounts: [String: Account] = [:]
    var sweepAt = 1024
  }

  private let state = Mutex(State())

  var count: Int { state.withLock { $0.accounts.count } }

  /// The account of a name, made when there is none.
  func account(_ name: String, now: Int64) -> Account {
    state.withLock { state in
      if let known = state.accounts[name] { return known }
      if state.accounts.count >= state.sweepAt { Self.sweep(&state, now) }
      let made = Account(name: name)
      state.accounts[name] = made
      return made
    }
  }

  private static func sweep(_ state: inout State, _ now: Int64) {
    var gone: [String] = []
    var index = state.accounts.startIndex
    while index != state.accounts.endIndex {
      // New references are made under this lock alone or from one that exists: what is unique here stays so.
      if isKnownUniquelyReferenced(&state.accounts.values[index]),
        state.accounts.values[index].isRested(now: now)
      {
        gone.append(state.accounts.keys[index])
      }
      index = state.accounts.index(after: index)
    }
    for name in gone { state.accounts[name] = nil }
    state.sweepAt = max(1024, state.accounts.count * 2)
  }
}

/// Something of which a server has a fixed amount. Safe from any thread.
///
/// A caller may hold at most as much as is left for all others, so that whoever comes next finds some: one holds no more than half,
/// two no more than a third each, and a crowd that wants everything still leaves room.
final class Supply: Sendable {
  let total: Int
  let perCaller: Int
  private let used = Atomic<Int>(0)

  init(total: Int, perCaller: Int) {
    self.total = total
    self.perCaller = perCaller
  }

  var inUse: Int { used.load(ordering: .relaxed) }

  /// Why something is not granted.
  enum Refusal {
    /// The caller holds as much as one may.
    case caller(holds: Int, limit: Int)
    /// All of it is taken.
    case server(limit: Int)
  }

  /// Takes `count` for the caller that holds `holder`; takes nothing when refused.
  func take(_ count: Int = 1, by holder: borrowing Atomic<Int>) -> Refusal? {
    let mine = holder.wrappingAdd(count, ordering: .relaxed).newValue
    let all = used.wrappingAdd(count, ordering: .relaxed).newValue
    let limit = min(perCaller, max(0, total - all) + count)
    if mine <= limit, all <= total { return nil }
    give(count, by: holder)
    return all > total ? .server(limit: total) : .caller(holds: mine - count, limit: limit)
  }

  /// Takes without asking: for what exists already.
  func add(_ count: Int, by holder: borrowing Atomic<Int>) {
    holder.wrappingAdd(count, ordering: .relaxed)
    used.wrappingAdd(count, ordering: .relaxed)
  }

  /// Whether the caller, or all together, hold more than they may.
  func isOverdrawn(by holder: borrowing Atomic<Int>) -> Bool {
    let mine = holder.load(ordering: .relaxed)
    let all = used.load(ordering: .relaxed)
    return mine > 0 && (all > total || mine > min(perCaller, total - all))
  }

  func give(_ count: Int = 1, by holder: borrowing Atomic<Int>) {
    holder.wrappingSubtract(count, ordering: .relaxed)
    used.wrappingSubtract(count, ordering: .relaxed)
  }
}
