import RPCCore
import Synchronization

/// Writes what may happen very often to the log at most once a second, with how often it was kept quiet since.
final class SparseLog: Sendable {
  private struct State {
    var bucket = TokenBucket(burst: 5, rate: 1)
    var kept = 0
  }

  private let state = Mutex(State())
  private let write: @Sendable (_ text: String, _ more: Int) -> Void

  init(_ write: @escaping @Sendable (_ text: String, _ more: Int) -> Void) { self.write = write }

  func note(_ text: String) {
    let more = state.withLock { state -> Int? in
      guard state.bucket.take(now: Deadline.now.nanoseconds) else {
        state.kept += 1
        return nil
      }
      defer { state.kept = 0 }
      return state.kept
    }
    if let more { write(text, more) }
  }
}
