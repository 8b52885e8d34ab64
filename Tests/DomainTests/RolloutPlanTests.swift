import Domain
import Testing

@Suite struct RolloutPlanTests {
  static let quick = Sample.policy([(50_000, 10), (250_000, 10), (1_000_000, 0)])

  @Test func `a rollout goes through its steps, is paused, resumed and completes`() throws {
    var rollout = try RolloutPlan.begin(
      Sample.rollout(policy: Self.quick), now: Sample.minutes(0))
    #expect(rollout.state == .progressing)
    #expect(rollout.exposure.percent == "5%")
    #expect(rollout.nextAdvanceAt == Sample.minutes(10))
    #expect(rollout.startedAt == Sample.minutes(0))

    rollout = try RolloutPlan.advance(rollout, now: Sample.minutes(3))
    #expect(rollout.exposure.percent == "25%")
    #expect(rollout.nextAdvanceAt == Sample.minutes(13))

    rollout = try RolloutPlan.pause(rollout, reason: "lunch", now: Sample.minutes(5))
    #expect(rollout.state == .paused)
    #expect(rollout.exposure.percent == "25%")
    #expect(rollout.nextAdvanceAt == nil)
    #expect(rollout.stateReason == "lunch")

    rollout = try RolloutPlan.resume(rollout, now: Sample.minutes(60))
    #expect(rollout.state == .progressing)
    #expect(rollout.exposure.percent == "25%")
    #expect(rollout.nextAdvanceAt == Sample.minutes(70))
    #expect(rollout.stateReason == "")

    rollout = try RolloutPlan.advance(rollout, now: Sample.minutes(70))
    #expect(rollout.state == .completed)
    #expect(rollout.exposure == .full)
    #expect(rollout.nextAdvanceAt == nil)
    #expect(rollout.endedAt == Sample.minutes(70))
  }

  @Test func `the last step soaks before the rollout completes`() throws {
    let at25 = Sample.rollout(.progressing, exposure: 250_000)
    let at100 = try RolloutPlan.advance(at25, now: Sample.minutes(1))
    #expect(at100.state == .progressing)
    #expect(at100.nextAdvanceAt == Sample.minutes(11))
    let done = try RolloutPlan.advance(at100, now: Sample.minutes(2))
    #expect(done.state == .completed)
    #expect(done.endedAt == Sample.minutes(2))
  }

  @Test func `a single step without soak completes at once`() throws {
    let rollout = Sample.rollout(policy: Sample.policy([(1_000_000, 0)]))
    #expect(try RolloutPlan.begin(rollout, now: Sample.minutes(1)).state == .completed)
  }

  @Test func `without auto-advance no advance is scheduled`() throws {
    let rollout = Sample.rollout(policy: Sample.policy(auto: false))
    #expect(try RolloutPlan.begin(rollout, now: Sample.minutes(1)).nextAdvanceAt == nil)
  }

  @Test func `a rollout paused before it began resumes with its first step`() throws {
    let paused = try RolloutPlan.pause(
      Sample.rollout(.pending), reason: "", now: Sample.minutes(1))
    let resumed = try RolloutPlan.resume(paused, now: Sample.minutes(2))
    #expect(resumed.exposure.percent == "5%")
    #expect(resumed.startedAt == Sample.minutes(2))
  }

  @Test func `from an exposure between two steps the next step is the one above`() throws {
    let between = Sample.rollout(.progressing, exposure: 100_000)
    let next = try RolloutPlan.advance(between, now: Sample.minutes(1))
    #expect(next.exposure.percent == "25%")
  }

  @Test(
    arguments: [
      (RolloutState.progressing, 100_000, false, true), (.progressing, 49_999, false, false),
      (.progressing, 49_999, true, true), (.paused, 100_000, false, true),
      (.paused, 0, true, true), (.paused, 50_000, false, true),
    ] as [(RolloutState, Int64, Bool, Bool)])
  func `the slider moves up freely and down only when regression is allowed`(
    state: RolloutState, target: Int64, allowed: Bool, moves: Bool
  ) throws {
    let rollout = Sample.rollout(state, exposure: 50_000)
    let exposure = Sample.exposure(target)
    if moves {
      let next = try RolloutPlan.setExposure(
        rollout, to: exposure, allowRegression: allowed, now: Sample.minutes(7))
      #expect(next.exposure == exposure)
      #expect(next.state == state)
      let rearmed = state == .progressing && exposure != rollout.exposure
      #expect(next.nextAdvanceAt == (rearmed ? Sample.minutes(17) : nil))
    } else {
      #expect(throws: DomainError.regression(current: rollout.exposure, requested: exposure)) {
        try RolloutPlan.setExposure(
          rollout, to: exposure, allowRegression: allowed, now: Sample.minutes(7))
      }
    }
  }

  @Test func `the slider at 100 % leaves the last soak to be served`() throws {
    let next = try RolloutPlan.setExposure(
      Sample.rollout(.progressing, exposure: 50_000, policy: Self.quick), to: .full,
      allowRegression: false, now: Sample.minutes(1))
    #expect(next.state == .progressing)
    #expect(next.nextAdvanceAt == Sample.minutes(1))
  }

  @Test func `the cadence changes while paused only and drops verdicts of dropped gates`() throws {
    let (kept, dropped) = (Sample.gate(id: "kept"), Sample.gate(id: "dropped"))
    var rollout = Sample.rollout(
      .paused, exposure: 50_000, policy: Sample.policy(gates: [kept, dropped]))
    rollout.verdicts = [kept, dropped].map {
      Gate.judge(
        $0, canary: DeviceCounts.zero, control: .zero, windowStart: Sample.minutes(0),
        now: Sample.minutes(1))
    }
    let next = try RolloutPlan.setPolicy(rollout, to: Sample.policy(gates: [kept]))
    #expect(next.verdicts.map(\.rule.id.rawValue) == ["kept"])
    #expect(next.exposure.percent == "5%")
    #expect(throws: DomainError.self) {
      try RolloutPlan.setPolicy(Sample.rollout(.progressing), to: Sample.policy())
    }
  }

  @Test func `rolling back ends the rollout at exposure 0 with its reason`() throws {
    let next = try RolloutPlan.rollBack(
      Sample.rollout(.completed, exposure: 1_000_000), reason: "bad", now: Sample.minutes(9))
    #expect(next.state == .rolledBack)
    #expect(next.exposure == .zero)
    #expect(next.endedAt == Sample.minutes(9))
    #expect(next.stateReason == "bad")
  }
}
