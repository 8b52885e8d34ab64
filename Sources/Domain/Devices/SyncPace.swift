/// When devices are asked to call again: as often as suits the fleet, and not in step.
///
/// Every device calls once in an interval, so what came during the last one tells how large the fleet is. The interval is as long as it
/// takes that many calls at ``callsPerSecond``, at least ``shortest``, at most ``longest``.
///
/// - 1,000 calls in 30 s → 30 s
/// - 300,000 calls in 30 s → 300,000 / 1,000 = 300 s
/// - 300,000 calls in 300 s → 300 s
/// - 10,000,000 calls in 300 s → 900 s
public struct SyncPace: Hashable, Sendable {
  /// What devices that only call to say that they are there may cost.
  public static let callsPerSecond: Int64 = 1_000
  public static let shortest: Duration = .seconds(30)
  public static let longest: Duration = .seconds(900)

  /// The interval now.
  public private(set) var interval = SyncPace.shortest
  private var calls: Int64 = 0
  private var begunAt: Timestamp?

  public init() {}

  /// A device called; returns when it is to call again, at the latest: between three quarters of the interval and all of it, as `share`
  /// (0..<1) says.
  public mutating func call(now: Timestamp, share: Double) -> Duration {
    let begun = begunAt ?? now
    begunAt = begun
    // A clock that jumped back begins anew.
    if now >= begun + interval || now < begun {
      let needed = Duration.milliseconds(calls * 1_000 / Self.callsPerSecond)
      interval = min(max(needed, Self.shortest), Self.longest)
      calls = 0
      begunAt = now
    }
    calls += 1
    return interval * (0.75 + 0.25 * share)
  }
}
