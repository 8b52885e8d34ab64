import Domain
import Synchronization

/// A clock that stands still until it is set.
final class ManualClock: Sendable {
  private let time: Mutex<Timestamp>

  init(_ now: Timestamp) { time = Mutex(now) }

  var now: Timestamp {
    get { time.withLock { $0 } }
    set { time.withLock { $0 = newValue } }
  }
}
