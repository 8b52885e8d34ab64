import Domain
import Testing

@Suite struct AssignmentTests {
  /// Devices by bucket under the sample salt: d1 358_779, d2 687_547.
  static let low = DeviceID("d1")
  static let high = DeviceID("d2")

  struct Row: Sendable {
    var rollout: RolloutState?
    var exposure: Int64 = 500_000
    var deployment: DeploymentState = .active
    var device = low
    var running: VersionID?
    var pin: PinTarget?
    var expected: VersionID?
    var arm: Assignment.Arm
    var reason: Assignment.Reason
  }

  static let (v1, v2, v3) = (Sample.v1, Sample.v2, Sample.v3)

  @Test(
    arguments: [
      (.active, v2, nil, true), (.paused, v2, nil, true), (.active, v1, nil, false),
      (.active, nil, nil, false), (.active, v2, .version(v2), false),
      (.active, v2, .canary, true), (.archived, v2, nil, false),
    ] as [(DeploymentState, VersionID?, PinTarget?, Bool)])
  func `a device that is targeted no more goes back from a version that was rolled back`(
    state: DeploymentState, running: VersionID?, pin: PinTarget?, goesBack: Bool
  ) {
    var deployment = Sample.deployment(state, desired: Self.v1, active: Self.v1)
    deployment.target.fleet.withdrawnVersions = [Self.v2]
    let assignment = Assignment.withdrawal(
      deployment: deployment, rollout: Sample.rollout(.rolledBack), device: Self.low,
      running: running, pin: pin)
    #expect(assignment?.version == (goesBack ? Self.v1 : nil))
    #expect(assignment?.reason == (goesBack ? .withdrawn : nil))
  }

  @Test(
    arguments: [
      (.progressing, .canary, v2, .canary), (.progressing, .canary, v1, nil),
      (.progressing, .control, v1, .control), (.progressing, .control, v2, nil),
      (.progressing, .control, v3, nil), (.paused, .canary, v2, .canary),
      (.completed, .canary, v2, nil), (.rolledBack, .control, v1, nil),
    ] as [(RolloutState, Assignment.Arm, VersionID, Assignment.Arm?)])
  func `a device counts on its side, with that side's version`(
    state: RolloutState, side: Assignment.Arm, version: VersionID, expected: Assignment.Arm?
  ) {
    let assigned = Assignment(version: nil, arm: side, reason: .frozen, bucket: 0)
    #expect(Sample.rollout(state).judgedArm(of: version, assigned: assigned) == expected)
  }

  @Test func `what runs is looked up wherever it decides`() {
    let pins: [PinTarget?] = [nil, .canary, .control, .version(Self.v2), .version(Self.v3)]
    let rollouts = [nil] + RolloutState.allCases.map { Sample.rollout($0, exposure: 500_000) }
    for state in DeploymentState.allCases {
      for active in [Self.v1, Self.v2, Self.v3] {
        let deployment = Sample.deployment(state, active: active)
        for rollout in rollouts {
          for pin in pins {
            let outcomes = [nil, Self.v1, Self.v2, Self.v3].map {
              Assignment.resolve(
                deployment: deployment, rollout: rollout, device: Self.low, running: $0, pin: pin)
            }
            let isNeeded = Assignment.needsRunning(deployment: deployment, rollout: rollout)
            #expect(isNeeded || Set(outcomes).count == 1, "\(state) \(active) \(pin as Any)")
          }
        }
      }
    }
    #expect(
      !Assignment.needsRunning(
        deployment: Sample.deployment(), rollout: Sample.rollout(.progressing)))
  }

  static let rows: [Row] = [
    Row(rollout: .progressing, expected: v2, arm: .canary, reason: .inCohort),
    Row(rollout: .progressing, device: high, expected: v1, arm: .control, reason: .outOfCohort),
    Row(
      rollout: .progressing, exposure: 358_779, expected: v1, arm: .control, reason: .outOfCohort),
    Row(rollout: .progressing, exposure: 358_780, expected: v2, arm: .canary, reason: .inCohort),
    // An exposure lowered on purpose sends a bumped device back.
    Row(
      rollout: .progressing, exposure: 0, running: v2, expected: v1, arm: .control,
      reason: .outOfCohort),
    Row(
      rollout: .progressing, device: high, pin: .canary, expected: v2, arm: .canary, reason: .pin),
    Row(rollout: .progressing, pin: .control, expected: v1, arm: .control, reason: .pin),
    Row(rollout: .progressing, pin: .version(v3), expected: v3, arm: .control, reason: .pin),
    Row(
      rollout: .progressing, device: high, pin: .version(v2), expected: v2, arm: .canary,
      reason: .pin),

    Row(rollout: .paused, running: v2, expected: v2, arm: .canary, reason: .frozen),
    Row(rollout: .paused, running: v1, expected: v1, arm: .control, reason: .frozen),
    Row(rollout: .paused, expected: v1, arm: .control, reason: .frozen),
    Row(
      rollout: .paused, exposure: 0, device: high, running: v2, expected: v2, arm: .canary,
      reason: .frozen),
    Row(rollout: .paused, running: v1, pin: .canary, expected: v1, arm: .control, reason: .frozen),
    Row(
      rollout: .paused, running: v1, pin: .version(v2), expected: v1, arm: .control, reason: .frozen
    ),
    Row(
      rollout: .paused, running: v1, pin: .version(v3), expected: v3, arm: .control, reason: .pin),

    Row(
      rollout: .progressing, deployment: .paused, running: v1, expected: v1, arm: .control,
      reason: .frozen),
    Row(
      rollout: .progressing, deployment: .paused, running: v2, expected: v2, arm: .canary,
      reason: .frozen),
    Row(
      rollout: .progressing, deployment: .failed, running: v1, expected: v1, arm: .control,
      reason: .frozen),
    Row(
      rollout: .completed, deployment: .paused, running: v1, expected: v1, arm: .control,
      reason: .frozen),
    Row(
      rollout: .rolledBack, deployment: .paused, running: v2, expected: v1, arm: .control,
      reason: .settled),

    Row(rollout: .pending, expected: v1, arm: .control, reason: .outOfCohort),
    Row(rollout: .pending, pin: .canary, expected: v1, arm: .control, reason: .outOfCohort),
    Row(rollout: .pending, pin: .version(v2), expected: v1, arm: .control, reason: .frozen),

    Row(rollout: .completed, device: high, expected: v2, arm: .canary, reason: .settled),
    Row(rollout: .completed, pin: .control, expected: v1, arm: .control, reason: .pin),
    Row(rollout: .rolledBack, running: v2, expected: v1, arm: .control, reason: .settled),
    Row(
      rollout: .rolledBack, running: v2, pin: .canary, expected: v1, arm: .control, reason: .settled
    ),
    Row(
      rollout: .rolledBack, running: v2, pin: .version(v2), expected: v2, arm: .canary, reason: .pin
    ),
    Row(rollout: .aborted, running: v2, expected: v1, arm: .control, reason: .settled),

    Row(rollout: nil, expected: v1, arm: .control, reason: .settled),
    Row(rollout: nil, pin: .version(v3), expected: v3, arm: .control, reason: .pin),
    Row(
      rollout: nil, deployment: .paused, running: v3, expected: v3, arm: .control, reason: .frozen),
  ]

  @Test(arguments: rows)
  func `a device gets what rollout, deployment, bucket and pin say`(row: Row) throws {
    let rollout = row.rollout.map { Sample.rollout($0, exposure: row.exposure) }
    let assignment = try #require(
      Assignment.resolve(
        deployment: Sample.deployment(
          row.deployment, active: row.rollout == .completed ? Self.v2 : Self.v1),
        rollout: rollout, device: row.device, running: row.running, pin: row.pin))
    #expect(assignment.version == row.expected)
    #expect(assignment.arm == row.arm)
    #expect(assignment.reason == row.reason)
    #expect((assignment.bucket == nil) == (row.rollout == nil))
  }

  @Test(
    arguments: [
      (.active, nil, v1, v3, .settled), (.active, .control, v2, v3, .settled),
      (.active, .canary, v2, v3, .settled), (.active, .version(v2), v2, v2, .pin),
      (.paused, nil, v2, v2, .frozen), (.paused, nil, v3, v3, .frozen),
    ] as [(DeploymentState, PinTarget?, VersionID, VersionID, Assignment.Reason)])
  func `a completed rollout has no sides any more once another version came at once`(
    state: DeploymentState, pin: PinTarget?, running: VersionID, expected: VersionID,
    reason: Assignment.Reason
  ) throws {
    let assignment = try #require(
      Assignment.resolve(
        deployment: Sample.deployment(state, active: Self.v3),
        rollout: Sample.rollout(.completed, exposure: 1_000_000), device: Self.low,
        running: running, pin: pin))
    #expect(assignment.version == expected)
    #expect(assignment.arm == .control)
    #expect(assignment.reason == reason)
  }

  @Test(arguments: [
    DeploymentState.draft, .pendingApproval, .archived, .killed,
  ])
  func `a deployment that governs no devices assigns nothing`(state: DeploymentState) {
    #expect(
      Assignment.resolve(
        deployment: Sample.deployment(state), rollout: Sample.rollout(.progressing, exposure: 1),
        device: Self.low, running: nil, pin: .canary) == nil)
  }

  @Test func `rolling back a first rollout removes what it brought`() throws {
    let assignment = try #require(
      Assignment.resolve(
        deployment: Sample.deployment(active: nil),
        rollout: Sample.rollout(.rolledBack, from: nil), device: Self.low, running: Self.v2,
        pin: nil))
    #expect(assignment.version == nil)
  }

  @Test(arguments: [
    (DeviceTraits(platform: 0, deviceClass: ""), DeviceTraits(platform: 3, deviceClass: "x"), true),
    (.init(platform: 1, deviceClass: ""), .init(platform: 1, deviceClass: "high"), true),
    (.init(platform: 1, deviceClass: "high"), .init(platform: 1, deviceClass: "low"), false),
    (.init(platform: 1, deviceClass: "high"), .init(platform: 0, deviceClass: "high"), false),
  ])
  func `a variant runs on the devices it was built for`(
    variant: DeviceTraits, device: DeviceTraits, expected: Bool
  ) {
    #expect(variant.accept(device) == expected)
  }
}
