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
