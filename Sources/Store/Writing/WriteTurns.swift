/// Who may touch the database's write lock: the writer, batch by batch, or a checkpoint that bars it. Neither ever finds the lock
/// taken by the other, which SQLite would answer with sleeping.
final class WriteTurns: Sendable {
  private struct State {
    var isWriting = false
    var isBarred = false
  }
  private let state = Monitor(State())

  /// Runs a batch; waits while a checkpoint has the turn.
  func write(_ body: () -> Void) {
    _ = state.wait { state -> Bool? in
      if state.isBarred { return nil }
      state.isWriting = true
      return true
    }
    body()
    let isAwaited = state.withLock { state in
      state.isWriting = false
      return state.isBarred
    }
    if isAwaited { state.broadcast() }
  }

  /// Runs `body` between two batches. One caller at a time.
  func whileBarred(_ body: () -> Void) {
    state.withLock { $0.isBarred = true }
    _ = state.wait { $0.isWriting ? nil : true }
    body()
    state.withLock { $0.isBarred = false }
    state.broadcast()
  }
}
