/// A budget that refills with time: what somebody may do at once, and per second or minute after that. Pure; time is a parameter.
public struct TokenBucket: Sendable {
  /// Units of a token, so that neither 33 a second nor 30 a minute round to nothing between two looks.
  private static let scale: Int64 = 60_000

  private let full: Int64
  /// Units gained in a millisecond: tokens a minute.
  private let gain: Int64
  private var tokens: Int64
  private var refilledAt: Int64?

  /// - Parameter rate: tokens per second.
  public init(burst: Int, rate: Int) { self.init(burst: burst, perMinute: rate * 60) }

  public init(burst: Int, perMinute: Int) {
    full = Int64(burst) * Self.scale
    gain = Int64(perMinute)
    tokens = full
  }

  /// Takes `count` tokens at `now` (nanoseconds of any monotonic clock); false when there are not as many.
  public mutating func take(_ count: Int = 1, now: Int64) -> Bool {
    refill(now)
    let price = Int64(count) * Self.scale
    guard tokens >= price else { return false }
    tokens -= price
    return true
  }

  /// Nanoseconds from `now` until `count` tokens are there, if nobody takes any; nil: never.
  public mutating func wait(for count: Int = 1, now: Int64) -> Int64? {
    refill(now)
    let missing = Int64(count) * Self.scale - tokens
    if missing <= 0 { return 0 }
    guard gain > 0, Int64(count) * Self.scale <= full else { return nil }
    return (missing + gain - 1) / gain * 1_000_000
  }

  /// Whether nothing of it is missing.
  public mutating func isFull(now: Int64) -> Bool {
    refill(now)
    return tokens == full
  }

  /// Gives back `count` tokens, up to the burst.
  public mutating func earn(_ count: Int) { tokens = min(full, tokens + Int64(count) * Self.scale) }

  /// Gives back everything.
  public mutating func refill() { tokens = full }

  private mutating func refill(_ now: Int64) {
    guard let last = refilledAt else {
      refilledAt = now
      return
    }
    let milliseconds = (now - last) / 1_000_000
    guard milliseconds > 0 else { return }
    refilledAt = last + milliseconds * 1_000_000
    let (gained, overflow) = milliseconds.multipliedReportingOverflow(by: gain)
    tokens = overflow || gained >= full - tokens ? full : tokens + gained
  }
}
