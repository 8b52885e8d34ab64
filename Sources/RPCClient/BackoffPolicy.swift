/// How long a channel waits between attempts to connect.
///
/// Source: "GRPC Connection Backoff Protocol"; the defaults are the ones given there.
public struct BackoffPolicy: Sendable, Hashable {
  /// The wait after the first failure.
  public var initial: Duration
  /// What each further wait is multiplied with.
  public var multiplier: Double
  /// The share of a wait by which chance lengthens or shortens it: 0.2 is ±20 %.
  public var jitter: Double
  /// The longest wait, before jitter.
  public var maximum: Duration
  /// How long one attempt to connect may take, TLS and HTTP/2 settings included.
  public var connectTimeout: Duration

  public init(
    initial: Duration = .seconds(1), multiplier: Double = 1.6, jitter: Double = 0.2,
    maximum: Duration = .seconds(120), connectTimeout: Duration = .seconds(20)
  ) {
    self.initial = initial
    self.multiplier = multiplier
    self.jitter = jitter
    self.maximum = maximum
    self.connectTimeout = connectTimeout
  }
}

/// The waits of one channel, growing with each failure in a row.
///
/// With the default policy and `random` 0.5, which is no jitter: 1 s, 1.6 s, 2.56 s, 4.096 s … 120 s.
/// With `random` 0 the first wait is 0.8 s, with `random` 1 it is 1.2 s.
struct ConnectionBackoff: Sendable, Hashable {
  let policy: BackoffPolicy
  private var base: Duration

  init(policy: BackoffPolicy) {
    self.policy = policy
    base = min(policy.initial, policy.maximum)
  }

  /// The wait after one more failure.
  /// - Parameter random: from 0 to 1.
  mutating func next(random: Double) -> Duration {
    let wait = base * (1 + policy.jitter * (2 * random - 1))
    base = min(base * policy.multiplier, policy.maximum)
    return wait
  }

  /// A connection was established.
  mutating func reset() {
    base = min(policy.initial, policy.maximum)
  }
}
