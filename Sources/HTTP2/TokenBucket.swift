/// A budget that refills with time: what a peer may do at once, and per second after that. Pure; time is a parameter.
public struct TokenBucket: Sendable {
  public let burst: Int
  public let rate: Int
  private var tokens: Int64
  private var refilledAt: Int64?

  /// Thousandths of a token, so that a rate of 33/s does not round to nothing between two looks.
  private static let scale: Int64 = 1000

  public init(burst: Int, rate: Int) {
    self.burst = burst
    self.rate = rate
    tokens = Int64(burst) * Self.scale
  }

  /// Takes `count` tokens at `now` (nanoseconds of any monotonic clock); false when there are not as many.
  public mutating func take(_ count: Int = 1, now: Int64) -> Bool {
    refill(now)
    let price = Int64(count) * Self.scale
    guard tokens >= price else { return false }
    tokens -= price
    return true
  }

  /// Gives back `count` tokens, up to the burst.
  public mutating func earn(_ count: Int) {
    tokens = min(Int64(burst) * Self.scale, tokens + Int64(count) * Self.scale)
  }

  /// Gives back everything.
  public mutating func refill() { tokens = Int64(burst) * Self.scale }

  private mutating func refill(_ now: Int64) {
    guard let last = refilledAt else {
      refilledAt = now
      return
    }
    let milliseconds = (now - last) / 1_000_000
    guard milliseconds > 0 else { return }
    refilledAt = last + milliseconds * 1_000_000
    let full = Int64(burst) * Self.scale
    let (gained, overflow) = milliseconds.multipliedReportingOverflow(by: Int64(rate))
    tokens = overflow || gained >= full - tokens ? full : tokens + gained
  }
}
