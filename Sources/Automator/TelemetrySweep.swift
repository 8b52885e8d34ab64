public import Domain
public import Store

/// Forgets how single devices fared in rollouts that are over: no gate counts them any more. The sums of both sides stay.
public struct TelemetrySweep: Job {
  /// Rows removed in one transaction.
  private static let step = 2_000

  public let name = "telemetry sweep"
  public let period: Duration
  private let store: Store

  public init(store: Store, period: Duration = .seconds(60)) {
    self.store = store
    self.period = period
  }

  public func run(now: Timestamp) async throws {
    var last: RolloutID?
    while true {
      try Task.checkCancellation()
      let next = try store.telemetry.read { [last] in try RolloutHealth($0).rollout(after: last) }
      guard let next else { return }
      last = next
      // Only what has ended for good is forgotten.
      guard try store.read({ try Rollouts($0).isOver(next) }) else { continue }
      while try await store.telemetry.write({
        try RolloutHealth($0).forgetDevices(of: next, limit: Self.step)
      }) == Self.step {
        try Task.checkCancellation()
      }
    }
  }
}
