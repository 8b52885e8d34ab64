import Framing
import RPCCore

/// Decides whether a call is tried again, and when (gRFC A6).
///
/// Pure: chance is a parameter. Waits are `initialBackoff · multiplier^(n−1)`, at most `maxBackoff`,
/// each lengthened or shortened by up to 20 %: with the default policy and `random` 0.5, 100 ms,
/// 200 ms, 400 ms.
struct RetryState: Sendable {
  private let policy: RetryPolicy
  /// Whether the server may execute the call more than once.
  private let isRepeatable: Bool
  /// Attempts that the server may have seen.
  private(set) var attempts = 1
  private var base: Duration
  private var usedTransparentRetry = false
  private var unsentRepeats = 0

  /// How often what never left is repeated at once. Its reasons are rare and pass: what fails that
  /// often fails for another one.
  static let maxUnsentRepeats = 5

  init(policy: RetryPolicy, isRepeatable: Bool) {
    self.policy = policy
    self.isRepeatable = isRepeatable
    base = min(policy.initialBackoff, policy.maxBackoff)
  }

  /// How far an attempt came.
  enum Progress: Sendable, Hashable {
    /// Nothing of it left this machine.
    case unsent
    /// The server said that it did not look at it: REFUSED_STREAM, or a GOAWAY below its number.
    case unprocessed
    /// It may have been processed: only a call that may be executed twice is repeated.
    case sent
    /// The response head or a message arrived, or the request is no longer kept: it cannot be
    /// repeated.
    case committed
  }

  /// What to do after a failed attempt.
  enum OnFailure: Sendable, Hashable {
    /// The call fails with the attempt's status.
    case giveUp
    /// Try again after this wait.
    case retry(after: Duration)
  }

  /// An attempt failed.
  ///
  /// What the server did not process is repeated at once and not counted: ``maxUnsentRepeats`` times
  /// when it never left, once when it did. Everything else needs a retryable code, attempts left and
  /// tokens in the throttle, and a call that may be repeated when the server may have processed it;
  /// the server's pushback decides over the wait, or forbids.
  mutating func attemptFailed(
    code: StatusCode, progress: Progress, pushback: ResponseHead.Pushback,
    throttle: inout RetryThrottle, random: Double
  ) -> OnFailure {
    switch progress {
    case .unsent where unsentRepeats < Self.maxUnsentRepeats:
      unsentRepeats += 1
      return .retry(after: .zero)
    case .unprocessed where !usedTransparentRetry:
      usedTransparentRetry = true
      return .retry(after: .zero)
    case .unsent, .unprocessed, .sent, .committed:
      break
    }
    let mayRepeat =
      switch progress {
      case .unsent, .unprocessed: true
      case .sent: isRepeatable
      case .committed: false
      }
    let isRetryable = policy.retryableCodes.contains(code)
    if isRetryable || pushback == .never { throttle.failed() }
    guard isRetryable, mayRepeat, pushback != .never else { return .giveUp }
    guard attempts < policy.maxAttempts, throttle.allowsRetry else { return .giveUp }
    attempts += 1
    if case .milliseconds(let wait) = pushback {
      base = min(policy.initialBackoff, policy.maxBackoff)
      return .retry(after: .milliseconds(wait))
    }
    let wait = base * (1 + 0.2 * (2 * random - 1))
    base = min(base * policy.backoffMultiplier, policy.maxBackoff)
    return .retry(after: wait)
  }
}

/// Stops retries when most calls of a channel fail, so that they do not bury a server that is
/// already down (gRFC A6, "Throttling Retry Attempts and Hedged RPCs").
public struct RetryThrottle: Sendable, Hashable {
  /// The bucket's size and its content at the start.
  public let maxTokens: Double
  /// What a successful call puts in. A failed attempt takes one out.
  public let tokenRatio: Double
  private(set) var tokens: Double

  public init(maxTokens: Double = 100, tokenRatio: Double = 0.1) {
    self.maxTokens = maxTokens
    self.tokenRatio = tokenRatio
    tokens = maxTokens
  }

  /// Whether another attempt may be made: more than half of the tokens are there.
  var allowsRetry: Bool { tokens > maxTokens / 2 }

  mutating func succeeded() {
    tokens = min(maxTokens, tokens + tokenRatio)
  }

  mutating func failed() {
    tokens = max(0, tokens - 1)
  }
}
