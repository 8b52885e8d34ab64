import Framing
import RPCCore
import Testing

@testable import RPCClient

@Suite struct RetryStateTests {
  private let policy = RetryPolicy(
    maxAttempts: 3, initialBackoff: .milliseconds(100), maxBackoff: .milliseconds(150),
    backoffMultiplier: 2)

  @Test("UNAVAILABLE is tried again until the attempts are used up, with growing waits")
  func attempts() {
    var state = RetryState(policy: policy, isRepeatable: true)
    var throttle = RetryThrottle()
    func fail() -> RetryState.OnFailure {
      state.attemptFailed(
        code: .unavailable, progress: .sent, pushback: .none, throttle: &throttle, random: 0.5)
    }
    #expect(fail() == .retry(after: .milliseconds(100)))
    #expect(fail() == .retry(after: .milliseconds(150)))
    #expect(fail() == .giveUp)
  }

  @Test(
    "waits are jittered by 20 %",
    arguments: [(0.0, Duration.milliseconds(80)), (1.0, .milliseconds(120))])
  func jitter(random: Double, wait: Duration) {
    var state = RetryState(policy: policy, isRepeatable: true)
    var throttle = RetryThrottle()
    let outcome = state.attemptFailed(
      code: .unavailable, progress: .sent, pushback: .none, throttle: &throttle, random: random)
    #expect(outcome == .retry(after: wait))
  }

  @Test("only retryable codes are tried again", arguments: StatusCode.allCases)
  func codes(code: StatusCode) {
    var state = RetryState(policy: policy, isRepeatable: true)
    var throttle = RetryThrottle()
    let outcome = state.attemptFailed(
      code: code, progress: .sent, pushback: .none, throttle: &throttle, random: 0.5)
    #expect((outcome != .giveUp) == (code == .unavailable))
  }

  @Test("a call that must not run twice is repeated only when the server did not run it")
  func unrepeatable() {
    var throttle = RetryThrottle()
    func outcome(_ progress: RetryState.Progress, after failures: Int) -> RetryState.OnFailure {
      var state = RetryState(policy: policy, isRepeatable: false)
      var outcome = RetryState.OnFailure.giveUp
      for _ in 0...failures {
        outcome = state.attemptFailed(
          code: .unavailable, progress: progress, pushback: .none, throttle: &throttle,
          random: 0.5)
      }
      return outcome
    }
    #expect(outcome(.sent, after: 0) == .giveUp)
    #expect(outcome(.unprocessed, after: 0) == .retry(after: .zero))
    // Refused again: still not executed, so the policy decides.
    #expect(outcome(.unprocessed, after: 1) == .retry(after: .milliseconds(100)))
    #expect(
      outcome(.unsent, after: RetryState.maxUnsentRepeats) == .retry(after: .milliseconds(100)))
  }

  @Test("a call that got an answer is not repeated")
  func committed() {
    var state = RetryState(policy: policy, isRepeatable: true)
    var throttle = RetryThrottle()
    #expect(
      state.attemptFailed(
        code: .unavailable, progress: .committed, pushback: .none, throttle: &throttle, random: 0.5)
        == .giveUp)
  }

  @Test("what never left is repeated at once five times, and then as the policy says")
  func unsent() {
    for (policy, last) in [
      (policy, RetryState.OnFailure.retry(after: .milliseconds(100))), (.none, .giveUp),
    ] {
      var state = RetryState(policy: policy, isRepeatable: true)
      var throttle = RetryThrottle()
      func fail() -> RetryState.OnFailure {
        state.attemptFailed(
          code: .unavailable, progress: .unsent, pushback: .none, throttle: &throttle, random: 0.5)
      }
      for _ in 0..<RetryState.maxUnsentRepeats { #expect(fail() == .retry(after: .zero)) }
      #expect(state.attempts == 1)
      #expect(fail() == last)
    }
  }

  @Test("what never left is repeated without counting, what was refused once")
  func transparent() {
    var state = RetryState(policy: .none, isRepeatable: false)
    var throttle = RetryThrottle()
    for _ in 0..<5 {
      #expect(
        state.attemptFailed(
          code: .unavailable, progress: .unsent, pushback: .none, throttle: &throttle, random: 0)
          == .retry(after: .zero))
    }
    #expect(
      state.attemptFailed(
        code: .unavailable, progress: .unprocessed, pushback: .none, throttle: &throttle, random: 0)
        == .retry(after: .zero))
    #expect(
      state.attemptFailed(
        code: .unavailable, progress: .unprocessed, pushback: .none, throttle: &throttle, random: 0)
        == .giveUp)
    #expect(state.attempts == 1)
    #expect(throttle.tokens == 99)
  }

  @Test("the server's pushback sets the wait and restarts the growth")
  func pushback() {
    var state = RetryState(policy: policy, isRepeatable: true)
    var throttle = RetryThrottle()
    #expect(
      state.attemptFailed(
        code: .unavailable, progress: .sent, pushback: .milliseconds(700), throttle: &throttle,
        random: 0) == .retry(after: .milliseconds(700)))
    #expect(
      state.attemptFailed(
        code: .unavailable, progress: .sent, pushback: .none, throttle: &throttle, random: 0.5)
        == .retry(after: .milliseconds(100)))
  }

  @Test("the server can forbid a retry, and that costs a token")
  func never() {
    var state = RetryState(policy: policy, isRepeatable: true)
    var throttle = RetryThrottle()
    #expect(
      state.attemptFailed(
        code: .unavailable, progress: .sent, pushback: .never, throttle: &throttle, random: 0)
        == .giveUp)
    #expect(throttle.tokens == 99)
    _ = state.attemptFailed(
      code: .notFound, progress: .sent, pushback: .none, throttle: &throttle, random: 0)
    #expect(throttle.tokens == 99)
  }

  @Test("retries stop at half the tokens and come back with successes")
  func throttle() {
    var throttle = RetryThrottle(maxTokens: 4, tokenRatio: 0.5)
    func outcome() -> RetryState.OnFailure {
      var state = RetryState(policy: policy, isRepeatable: true)
      return state.attemptFailed(
        code: .unavailable, progress: .sent, pushback: .none, throttle: &throttle, random: 0.5)
    }
    #expect(outcome() != .giveUp)
    #expect(outcome() == .giveUp)
    #expect(throttle.tokens == 2)
    for _ in 0..<4 { throttle.succeeded() }
    #expect(throttle.tokens == 4)
    throttle.succeeded()
    #expect(throttle.tokens == 4)
    #expect(outcome() != .giveUp)
    for _ in 0..<9 { throttle.failed() }
    #expect(throttle.tokens == 0)
  }
}
