internal import Domain
internal import Synchronization

/// Keeps soaks from ending, or lasting, by a clock that is set: when the wall clock is found to have been, their ends move with it, before
/// anything else is written. Any thread.
final class SoakWatch: Sendable {
  private struct State {
    var steps: ClockSteps
    /// By how much the ends are still to be moved.
    var shift: Int64 = 0
  }
  private let state: Mutex<State>
  private let wall: @Sendable () -> Int64
  private let steady: @Sendable () -> Int64
  private let report: @Sendable (Int64) -> Void

  init(_ configuration: StoreConfiguration) {
    wall = configuration.clock
    steady = configuration.steadyClock
    state = Mutex(State(steps: ClockSteps(wall: wall(), steady: steady())))
    report = configuration.onClockSet
  }

  /// Whether the clock was set, or ends are to be moved for it. Looks, and does nothing.
  var isDue: Bool {
    let (wall, steady) = (wall(), steady())
    return state.withLock { state in
      var steps = state.steps
      return state.shift != 0 || steps.step(wall: wall, steady: steady) != nil
    }
  }

  /// What the writer has to run ahead of its next closures; nil: nothing.
  func due() -> (any WriteJob)? {
    let (wall, steady) = (wall(), steady())
    let (set, shift) = state.withLock { state -> (Int64?, Int64) in
      let set = state.steps.step(wall: wall, steady: steady)
      defer { state.shift = 0 }
      return (set, state.shift + (set ?? 0))
    }
    if let set { report(set) }
    guard shift != 0 else { return nil }
    return InternalWrite { transaction in
      try Rollouts(transaction).moveSoaks(by: shift, now: transaction.nowMilliseconds)
    } completion: { [self] error in
      if error != nil { state.withLock { $0.shift += shift } }
    }
  }
}
