import Synchronization

/// Numbers noted from any thread.
final class Collected: Sendable {
  private let state = Mutex<[Int64]>([])

  var values: [Int64] { state.withLock { $0 } }
  func add(_ value: Int64) { state.withLock { $0.append(value) } }
}
