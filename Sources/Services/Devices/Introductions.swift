internal import Domain
internal import Synchronization

/// The Connect calls that have not said which device they are, by who calls.
///
/// A caller has a bounded number of them, and the newest count: who opens more ends its oldest. Those that have said it are one for
/// each device (``DeviceConnections``), so that no key holds more streams than these and one for each device that it may speak for.
final class Introductions<Call: Sendable>: Sendable {
  private struct Line {
    var calls: [Int: Call] = [:]
    /// In the order they came, with some that have gone since.
    var order: [Int] = []

    mutating func takeOldest() -> Call? {
      guard let place = order.firstIndex(where: { calls[$0] != nil }) else { return nil }
      let oldest = calls.removeValue(forKey: order[place])
      order.removeFirst(place + 1)
      return oldest
    }
  }

  private struct State {
    var lines: [PrincipalID: Line] = [:]
    var nextNumber = 1
  }

  private let state = Mutex(State())

  /// A call begins, of which its caller may have `limit`. Returns its number, and the call that has to end for it.
  func begin(_ call: Call, of caller: PrincipalID, limit: Int) -> (number: Int, oldest: Call?) {
    state.withLock { state in
      let number = state.nextNumber
      state.nextNumber += 1
      // Taken out while it is changed, so that it is not copied.
      var line = state.lines.removeValue(forKey: caller) ?? Line()
      let oldest = line.calls.count >= limit ? line.takeOldest() : nil
      if line.order.count > 2 * limit { line.order.removeAll { line.calls[$0] == nil } }
      line.calls[number] = call
      line.order.append(number)
      state.lines[caller] = line
      return (number, oldest)
    }
  }

  /// A call has said who it is, or ended. Does nothing the second time.
  func end(_ number: Int, of caller: PrincipalID) {
    state.withLock { state in
      state.lines[caller]?.calls[number] = nil
      if state.lines[caller]?.calls.isEmpty == true { state.lines[caller] = nil }
    }
  }

  /// How many calls of a caller have not said who they are.
  func count(of caller: PrincipalID) -> Int {
    state.withLock { $0.lines[caller]?.calls.count ?? 0 }
  }
}
