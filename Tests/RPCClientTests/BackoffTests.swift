import Testing

@testable import RPCClient

@Suite struct BackoffTests {
  @Test("waits grow by 1.6 from one second and stop at 120")
  func growth() {
    var backoff = ConnectionBackoff(policy: BackoffPolicy())
    let waits = (0..<12).map { _ in backoff.next(random: 0.5) }
    #expect(waits[0] == .seconds(1))
    #expect(waits[1] == .milliseconds(1600))
    #expect(waits[2] == .milliseconds(2560))
    #expect(waits[3] == .microseconds(4_096_000))
    #expect(waits[10] < .seconds(120))
    #expect(waits[11] == .seconds(120))
  }

  @Test(
    "jitter is 20 % either way",
    arguments: [(0.0, Duration.milliseconds(800)), (0.5, .seconds(1)), (1.0, .milliseconds(1200))])
  func jitter(random: Double, wait: Duration) {
    var backoff = ConnectionBackoff(policy: BackoffPolicy())
    #expect(backoff.next(random: random) == wait)
  }

  @Test("a connection resets the wait")
  func reset() {
    var backoff = ConnectionBackoff(policy: BackoffPolicy())
    _ = backoff.next(random: 0.5)
    _ = backoff.next(random: 0.5)
    backoff.reset()
    #expect(backoff.next(random: 0.5) == .seconds(1))
  }

  @Test("no wait is longer than the maximum, not even the first")
  func maximum() {
    var backoff = ConnectionBackoff(
      policy: BackoffPolicy(initial: .seconds(10), jitter: 0, maximum: .seconds(3)))
    #expect(backoff.next(random: 0.9) == .seconds(3))
    #expect(backoff.next(random: 0.1) == .seconds(3))
  }
}
