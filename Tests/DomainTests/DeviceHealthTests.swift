import Domain
import Testing

@Suite struct DeviceHealthTests {
  @Test(
    arguments: [
      (0, 0, .silent), (1, 0, .healthy), (0, 1, .failing), (9, 1, .failing), (10, 1, .healthy),
      (899_999, 100_000, .failing), (900_001, 100_000, .healthy), (.max, .max, .failing),
      (.max, 0, .healthy), (.max, 1, .healthy), (-5, 0, .silent), (-5, 1, .failing),
    ] as [(Int64, Int64, DeviceVerdict)])
  func `a device fails from 10 % of its attempts on`(
    succeeded: Int64, failed: Int64, expected: DeviceVerdict
  ) {
    #expect(DeviceVerdict(succeeded: succeeded, failed: failed) == expected)
  }

  @Test func `an arm counts devices as they start, fail and recover`() {
    var arm = ArmHealth.zero
    var device = AttemptCounts.zero
    func report(_ delta: AttemptCounts) {
      arm.record(from: device, adding: delta)
      device = device + delta
    }
    report(AttemptCounts(downloadsFailed: 3))
    #expect(arm.downloadFailures == DeviceCounts(reporting: 1, failing: 1))
    #expect(arm.errorRate == .zero)
    report(AttemptCounts(downloadsSucceeded: 1, activationsFailed: 1))
    #expect(arm.downloadFailures == DeviceCounts(reporting: 1, failing: 1))
    #expect(arm.errorRate == DeviceCounts(reporting: 1, failing: 1))
    report(AttemptCounts(activationsSucceeded: 1, inferencesSucceeded: 100))
    #expect(arm.errorRate == DeviceCounts(reporting: 1, failing: 0))
    report(AttemptCounts(inferencesFailed: 50))
    #expect(arm.errorRate == DeviceCounts(reporting: 1, failing: 1))
    #expect(arm.attempts == device)
  }

  @Test(arguments: DeviceVerdict.allCases, DeviceVerdict.allCases)
  func `moving there and back leaves the counts as they were`(
    old: DeviceVerdict, new: DeviceVerdict
  ) {
    var counts = DeviceCounts(reporting: 10, failing: 4)
    counts.move(from: old, to: new)
    counts.move(from: new, to: old)
    #expect(counts == DeviceCounts(reporting: 10, failing: 4))
  }

  @Test func `sums of counts saturate`() {
    let most = AttemptCounts(inferencesSucceeded: .max)
    #expect((most + AttemptCounts(inferencesSucceeded: 1)).inferencesSucceeded == .max)
  }
}

@Suite struct AutoAdvanceTests {
  static func verdict(
    _ failing: Int, of reporting: Int, action: GateAction = .pause
  ) -> GateVerdict {
    Gate.judge(
      Sample.gate(.absolute, action: action),
      canary: DeviceCounts(reporting: reporting, failing: failing), control: .zero,
      windowStart: Sample.minutes(0), now: Sample.minutes(9))
  }

  static let pass = verdict(0, of: 10)
  static let hold = verdict(0, of: 0)
  static let fail = verdict(10, of: 10)
  static let revert = verdict(10, of: 10, action: .rollBack)

  @Test(
    arguments: [
      (50_000, 9, [pass], .hold(.soaking(until: Sample.minutes(10)))),
      (50_000, 10, [pass], .advance),
      (50_000, 10, [], .advance),
      (50_000, 10, [pass, hold], .hold(.gate(hold))),
      (50_000, 9, [hold], .hold(.soaking(until: Sample.minutes(10)))),
      (50_000, 1, [pass, fail], .pause(fail)),
      (50_000, 10, [fail, revert], .rollBack(revert)),
      (1_000_000, 10, [pass], .complete),
      (1_000_000, 9, [fail], .pause(fail)),
    ] as [(Int64, Int64, [GateVerdict], AutoAdvance.Decision)])
  func `a progressing rollout is decided by its gates first, then by its soak`(
    exposure: Int64, minute: Int64, verdicts: [GateVerdict], expected: AutoAdvance.Decision
  ) {
    let rollout = Sample.rollout(
      .progressing, exposure: exposure, nextAdvanceAt: Sample.minutes(10))
    #expect(
      AutoAdvance.decide(rollout, verdicts: verdicts, now: Sample.minutes(minute)) == expected)
  }

  @Test(arguments: RolloutState.allCases.filter { $0 != .progressing })
  func `nothing else is touched, not even by a failed gate`(state: RolloutState) {
    #expect(
      AutoAdvance.decide(Sample.rollout(state), verdicts: [Self.fail], now: Sample.minutes(99))
        == .hold(.notProgressing))
  }

  @Test func `without auto-advance only gates act`() {
    let rollout = Sample.rollout(
      .progressing, exposure: 50_000, policy: Sample.policy(auto: false))
    #expect(
      AutoAdvance.decide(rollout, verdicts: [Self.pass], now: Sample.minutes(99))
        == .hold(.manual))
    #expect(
      AutoAdvance.decide(rollout, verdicts: [Self.fail], now: Sample.minutes(1))
        == .pause(Self.fail))
  }
}
