/// The time by which things are removed for their age: pure.
///
/// It is the wall clock's as long as that goes on as a clock does. It never goes back, and at most twice as fast as time passes: a wall
/// clock that is a year ahead for an hour makes everything an hour older, not a year. Stored, it goes on from there at the next start,
/// also when the wall clock was set while no server ran; what it has to catch up on is only kept longer.
struct AgeClock: Sendable, Hashable {
  /// Milliseconds since 1970.
  private(set) var now: Int64
  /// The steady clock when it was moved last.
  private var steady: Int64

  init(now: Int64, steady: Int64) {
    self.now = now
    self.steady = steady
  }

  /// Moves towards the wall clock.
  ///
  /// - an hour passed, the wall clock went on by an hour → an hour
  /// - an hour passed, the wall clock went on by a year → two hours
  /// - an hour passed, the wall clock went back → none
  mutating func advance(wall: Int64, steady: Int64) {
    let passed = max(0, steady - self.steady)
    self.steady = max(self.steady, steady)
    now = max(now, min(wall, now + 2 * passed))
  }
}

/// Finds out that the wall clock was set: it goes on otherwise than the steady one. Pure.
struct ClockSteps {
  private var wall: Int64
  private var steady: Int64

  init(wall: Int64, steady: Int64) {
    self.wall = wall
    self.steady = steady
  }

  /// By how many milliseconds the wall clock was set since the last call; nil: by none.
  ///
  /// Clocks that are disciplined run a little faster or slower, at most by a thousandth; less than a second is taken for that.
  mutating func step(wall: Int64, steady: Int64) -> Int64? {
    let passed = steady - self.steady
    let set = wall - self.wall - passed
    self.wall = wall
    self.steady = steady
    return abs(set) >= 1_000 + passed / 1_000 ? set : nil
  }
}
