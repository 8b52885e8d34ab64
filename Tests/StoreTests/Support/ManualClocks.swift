import Synchronization

@testable import Store

/// A machine's two clocks, which stand still until the test moves them.
final class ManualClocks: Sendable {
  static let year: Int64 = 365 * 24 * 3_600 * 1_000

  private let state = Mutex((wall: Int64(1_700_000_000_000), steady: Int64(5_000_000)))

  /// The wall clock, in milliseconds since 1970.
  var now: Int64 { state.withLock { $0.wall } }

  /// Time passes.
  func pass(_ milliseconds: Int64) {
    state.withLock { state in
      state.wall += milliseconds
      state.steady += milliseconds
    }
  }

  /// Somebody sets the wall clock.
  func set(by milliseconds: Int64) { state.withLock { $0.wall += milliseconds } }

  /// A store that knows no other clocks, and sweeps when it is told to.
  var configuration: StoreConfiguration {
    var configuration = StoreConfiguration()
    configuration.clock = { [self] in state.withLock { $0.wall } }
    configuration.steadyClock = { [self] in state.withLock { $0.steady } }
    configuration.firstSweepMilliseconds = 3_600_000
    return configuration
  }
}
