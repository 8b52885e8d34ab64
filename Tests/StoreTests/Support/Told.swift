import Synchronization

/// Numbers in the order in which somebody was told of them. Any thread.
final class Told: Sendable {
  private let numbers = Mutex<[Int64]>([])

  var all: [Int64] { numbers.withLock { $0 } }
  func add(_ number: Int64) { numbers.withLock { $0.append(number) } }
}
