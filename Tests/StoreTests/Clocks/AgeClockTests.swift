import Testing

@testable import Store

@Suite struct AgeClockTests {
  private static let hour: Int64 = 3_600_000

  struct Move: Sendable {
    var wall: Int64
    var passed: Int64
    var expected: Int64
  }

  @Test(arguments: [
    Move(wall: hour, passed: hour, expected: hour),
    Move(wall: ManualClocks.year, passed: hour, expected: 2 * hour),
    Move(wall: -ManualClocks.year, passed: hour, expected: 0),
    Move(wall: ManualClocks.year, passed: 0, expected: 0),
    Move(wall: ManualClocks.year, passed: -hour, expected: 0),
    Move(wall: hour / 2, passed: hour, expected: hour / 2),
  ])
  func `it follows the wall clock forward, at most twice as fast as time passes`(move: Move) {
    let start: Int64 = 1_700_000_000_000
    var clock = AgeClock(now: start, steady: 77)
    clock.advance(wall: start + move.wall, steady: 77 + move.passed)
    #expect(clock.now == start + move.expected)
  }

  @Test func `however the wall clock is thrown about, it never goes back nor faster`() {
    var random = SplitMix(seed: 3)
    let start: Int64 = 1_700_000_000_000
    var clock = AgeClock(now: start, steady: 0)
    var (last, steady) = (start, Int64(0))
    for _ in 0..<10_000 {
      let passed = Int64.random(in: 0...Self.hour, using: &random)
      steady += passed
      let year = ManualClocks.year
      clock.advance(
        wall: start + Int64.random(in: -year...year, using: &random), steady: steady)
      #expect(clock.now >= last)
      #expect(clock.now - last <= 2 * passed)
      last = clock.now
    }
  }

  @Test func `a clock that is set is told from one that is disciplined`() {
    var steps = ClockSteps(wall: 1_000_000, steady: 500)
    #expect(steps.step(wall: 1_000_000, steady: 500) == nil)
    #expect(steps.step(wall: 1_060_999, steady: 60_500) == nil, "a second in a minute")
    #expect(steps.step(wall: 1_120_999 + ManualClocks.year, steady: 120_500) == ManualClocks.year)
    #expect(steps.step(wall: 1_180_999 + ManualClocks.year, steady: 180_500) == nil)
    #expect(steps.step(wall: 1_240_999, steady: 240_500) == -ManualClocks.year)
    // A day without a look, half a second off.
    #expect(steps.step(wall: 1_240_999 + 86_400_500, steady: 240_500 + 86_400_000) == nil)
    #expect(steps.step(wall: 1_240_999 + 86_402_500, steady: 240_500 + 86_400_000) == 2_000)
  }
}
