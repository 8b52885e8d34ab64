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
    var device = DeviceStanding.none
    func report(_ attempts: AttemptCounts, _ latest: LatestOutcomes = .none) {
      let before = device
      device.add(DeviceStanding(attempts: attempts, latest: latest))
      arm.move(from: before, to: device)
    }
    report(AttemptCounts(downloadsFailed: 3), .init(download: false))
    #expect(arm.downloadFailures == DeviceCounts(reporting: 1, failing: 1))
    #expect(arm.errorRate == .zero)
    report(
      AttemptCounts(downloadsSucceeded: 1, activationsFailed: 1),
      .init(download: true, activation: false))
    #expect(arm.downloadFailures == DeviceCounts(reporting: 1, failing: 0))
    #expect(arm.errorRate == DeviceCounts(reporting: 1, failing: 1))
    report(AttemptCounts(activationsSucceeded: 1, inferencesSucceeded: 5), .init(activation: true))
    #expect(arm.errorRate == DeviceCounts(reporting: 1, failing: 0))
    report(AttemptCounts(inferencesFailed: 50))
    #expect(arm.errorRate == DeviceCounts(reporting: 1, failing: 1))
  }

  @Test(
    arguments: [
      (.init(download: false), .init(download: true), .init(download: true)),
      (.init(download: true), .init(download: false), .init(download: false)),
      (
        .init(download: false, activation: false), .init(runs: true),
        .init(download: true, activation: true, runs: true)
      ),
      (.init(runs: true), .init(activation: false), .init(activation: false, runs: true)),
      (.init(download: true), .init(runs: true), .init(download: true, runs: true)),
    ] as [(LatestOutcomes, LatestOutcomes, LatestOutcomes)])
  func `the last outcome counts, and running the version is one`(
    earlier: LatestOutcomes, later: LatestOutcomes, both: LatestOutcomes
  ) {
    var outcomes = earlier
    outcomes.add(later)
    #expect(outcomes == both)
  }

  @Test(
    arguments: [
      (AttemptCounts(), .init(download: true), .healthy, .silent),
      (AttemptCounts(), .init(download: false), .failing, .silent),
      (
        AttemptCounts(inferencesSucceeded: 9, inferencesFailed: 1), .init(activation: true),
        .silent, .failing
      ),
      (
        AttemptCounts(inferencesSucceeded: 100, inferencesFailed: 1), .init(activation: true),
        .silent, .healthy
      ),
      (
        AttemptCounts(inferencesSucceeded: 100), .init(download: true, activation: false),
        .healthy, .failing
      ),
      (AttemptCounts(), .init(activation: true), .silent, .healthy),
    ] as [(AttemptCounts, LatestOutcomes, DeviceVerdict, DeviceVerdict)])
  func `a device is judged by how it ended, and by the share of its inferences`(
    attempts: AttemptCounts, latest: LatestOutcomes, downloads: DeviceVerdict,
    errors: DeviceVerdict
  ) {
    let standing = DeviceStanding(attempts: attempts, latest: latest)
    #expect(standing.verdict(of: .downloadFailures) == downloads)
    #expect(standing.verdict(of: .errorRate) == errors)
    // Forgiven, whoever failed has said nothing, and whoever was healthy still is.
    func kept(_ verdict: DeviceVerdict) -> DeviceVerdict { verdict == .failing ? .silent : verdict }
    #expect(standing.forgiven.verdict(of: .downloadFailures) == kept(downloads))
    #expect(standing.forgiven.verdict(of: .errorRate) == kept(errors))
    var arm = ArmHealth.zero
    arm.move(from: .none, to: standing)
    var moved = arm
    moved.move(from: standing, to: standing.forgiven)
    #expect(moved == arm.forgiven)
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

  @Test func `counts that lack a device stay where they can be when it leaves`() {
    var counts = DeviceCounts(reporting: 1, failing: 0)
    var isRight = counts.move(from: .failing, to: .healthy)
    #expect(!isRight && counts == DeviceCounts(reporting: 1, failing: 0))
    isRight = counts.move(from: .silent, to: .failing)
    #expect(isRight && counts == DeviceCounts(reporting: 2, failing: 1))
    counts = .zero
    isRight = counts.move(from: .healthy, to: .silent)
    #expect(!isRight && counts == .zero)
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

@Suite struct LatencySketchTests {
  @Test(
    arguments: [
      (0.5, 0), (1, 0), (1.1, 1), (2, 4), (1_000, 40), (1_024, 40), (1_025, 41), (1e12, 127),
    ] as [(Double, Int)])
  func `a latency falls into the documented bucket`(latency: Double, bucket: Int) {
    #expect(LatencySketch.bucket(ofMicroseconds: latency) == bucket)
  }

  @Test(arguments: [(0, 2), (0.5, 2), (0.99, 2), (0.991, 1_024), (1, 1_024)] as [(Double, Double)])
  func `a quantile is the end of the bucket that holds its rank`(q: Double, expected: Double) throws
  {
    var sketch = LatencySketch()
    try sketch.add(99, toBucket: 4)
    try sketch.add(1, toBucket: 40)
    #expect(sketch.quantile(q) == expected)
    #expect(sketch.total == 100)
  }

  @Test func `merging is the same in any order and starts from nothing`() throws {
    var (a, b) = (LatencySketch(), LatencySketch())
    try a.add(3, toBucket: 0)
    try b.add(5, toBucket: 127)
    var (ab, ba) = (a, b)
    ab.merge(b)
    ba.merge(a)
    #expect(ab == ba)
    var none = LatencySketch.empty
    none.merge(ab)
    #expect(none == ab)
    #expect(LatencySketch.empty.quantile(0.5) == 0)
  }

  @Test(arguments: [(128, 1), (-1, 1), (0, -1)] as [(Int, Int64)])
  func `impossible buckets and counts are refused`(bucket: Int, count: Int64) {
    var sketch = LatencySketch()
    #expect(throws: DomainError.self) { try sketch.add(count, toBucket: bucket) }
    #expect(sketch.isEmpty)
  }

  @Test func `counts saturate`() throws {
    var sketch = LatencySketch()
    try sketch.add(.max, toBucket: 1)
    try sketch.add(.max, toBucket: 1)
    try sketch.add(.max, toBucket: 2)
    #expect(sketch.total == .max)
    #expect(sketch.quantile(1) > 0)
  }
}

@Suite struct InstallationTests {
  static func report(
    _ version: VersionID, _ state: Installation.State, after previous: Installation?
  ) -> Installation {
    Installation.report(
      DeploymentID("d"), version: version, state: state, error: "", after: previous,
      now: Sample.minutes(1))
  }

  @Test func `only installing and removing change what runs`() {
    let loading = Self.report(Sample.v1, .downloading, after: nil)
    #expect(loading.running == nil)
    let v1 = Self.report(Sample.v1, .installed, after: loading)
    #expect(v1.running == Sample.v1)
    #expect(Self.report(Sample.v2, .downloading, after: v1).running == Sample.v1)
    #expect(Self.report(Sample.v2, .failed, after: v1).running == Sample.v1)
    #expect(Self.report(Sample.v2, .installed, after: v1).running == Sample.v2)
    #expect(Self.report(Sample.v1, .removed, after: v1).running == nil)
  }

  @Test func `the same report again says nothing new`() {
    let first = Self.report(Sample.v1, .installed, after: nil)
    #expect(first.differs(from: nil))
    #expect(!Self.report(Sample.v1, .installed, after: first).differs(from: first))
    #expect(Self.report(Sample.v1, .failed, after: first).differs(from: first))
  }

  @Test(
    arguments: [
      ([4, 5, 6, 7], 5, 2, 7), ([1, 2], 5, 2, 5), ([], 0, 0, 0), ([9], 5, 0, 9), ([5], 5, 1, 5),
    ] as [([Int64], Int64, Int, Int64)])
  func `each event number is taken once`(
    numbers: [Int64], after: Int64, firstNew: Int, acknowledged: Int64
  ) throws {
    let taken = try EventSequence.take(numbers, after: after)
    #expect(taken.firstNew == firstNew)
    #expect(taken.acknowledged == acknowledged)
  }

  @Test(arguments: [[3, 3], [0], [-1], [2, 1]] as [[Int64]])
  func `event numbers must be positive and ascend`(numbers: [Int64]) {
    #expect(throws: DomainError.self) { try EventSequence.take(numbers, after: 0) }
  }
}
