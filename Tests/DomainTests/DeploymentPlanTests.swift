import Domain
import Testing

@Suite struct DeploymentPlanTests {
  static let now = Sample.minutes(5)

  @Test func `start with a policy begins a rollout from the active to the desired version`() throws
  {
    let outcome = try DeploymentPlan.start(
      Sample.deployment(.draft), seed: Sample.seed, now: Self.now)
    let rollout = try #require(outcome.rollout)
    #expect(outcome.deployment.state == .active)
    #expect(outcome.deployment.activeVersion == Sample.v1)
    #expect(outcome.deployment.currentRollout == rollout.id)
    #expect(outcome.deployment.rolloutCount == 2)
    #expect(outcome.deployment.startedAt == Self.now)
    #expect(rollout.from == Sample.v1)
    #expect(rollout.to == Sample.v2)
    #expect(rollout.number == 2)
    #expect(rollout.state == .progressing)
    #expect(rollout.exposure.percent == "5%")
  }

  @Test func `start without a policy makes the desired version active at once`() throws {
    let outcome = try DeploymentPlan.start(
      Sample.deployment(.draft, active: nil, policy: nil), seed: Sample.seed, now: Self.now)
    #expect(outcome.rollout == nil)
    #expect(outcome.deployment.activeVersion == Sample.v2)
  }

  @Test(arguments: [Int64(0), 10])
  func `start with a policy and nothing to move completes the rollout at once`(
    soak: Int64
  ) throws {
    let policy = Sample.policy([(1_000_000, soak)])
    let outcome = try DeploymentPlan.start(
      Sample.deployment(.draft, active: Sample.v2, policy: policy), seed: Sample.seed,
      now: Self.now)
    let rollout = try #require(outcome.rollout)
    #expect(rollout.state == .completed)
    #expect(rollout.exposure == .full)
    #expect(rollout.from == Sample.v2)
    #expect(rollout.to == Sample.v2)
    #expect(outcome.deployment.state == .active)
    #expect(outcome.deployment.activeVersion == Sample.v2)
    #expect(outcome.deployment.currentRollout == rollout.id)
  }

  @Test func `start with neither a policy nor anything to change makes no rollout`() throws {
    let outcome = try DeploymentPlan.start(
      Sample.deployment(.draft, active: Sample.v2, policy: nil), seed: Sample.seed, now: Self.now)
    #expect(outcome.rollout == nil)
    #expect(outcome.deployment.replacedVersion == nil)
  }

  @Test func `start needs a desired version and a draft`() {
    #expect(throws: DomainError.self) {
      try DeploymentPlan.start(
        Sample.deployment(.draft, desired: nil), seed: Sample.seed, now: Self.now)
    }
    #expect(throws: DomainError.self) {
      try DeploymentPlan.start(Sample.deployment(.active), seed: Sample.seed, now: Self.now)
    }
  }

  @Test func `a rollout that completes at its beginning settles the active version`() throws {
    let outcome = try DeploymentPlan.start(
      Sample.deployment(.draft, policy: Sample.policy([(1_000_000, 0)])), seed: Sample.seed,
      now: Self.now)
    #expect(outcome.rollout?.state == .completed)
    #expect(outcome.deployment.activeVersion == Sample.v2)
  }

  @Test(arguments: RolloutState.allCases)
  func `another target is refused while the rollout moves, and begins a new rollout otherwise`(
    state: RolloutState
  ) throws {
    let rollout = Sample.rollout(state, exposure: 50_000)
    let deployment = Sample.deployment(active: state == .completed ? Sample.v2 : Sample.v1)
    let change = DeploymentPlan.Change(desiredVersion: Sample.v3)
    guard state != .progressing, state != .pending else {
      #expect(
        throws: DomainError.illegalTransition(
          resource: "rollout", event: "change the target of", current: state.rawValue,
          required: ["PAUSED", "COMPLETED", "ROLLED_BACK", "ABORTED"])
      ) {
        try DeploymentPlan.update(
          deployment, rollout: rollout, change: change, seed: Sample.seed, now: Self.now)
      }
      return
    }
    let outcome = try DeploymentPlan.update(
      deployment, rollout: rollout, change: change, seed: Sample.seed, now: Self.now)
    #expect(outcome.aborted?.state == (state == .paused ? .aborted : nil))
    #expect(outcome.rollout?.to == Sample.v3)
    #expect(outcome.rollout?.from == deployment.activeVersion)
    #expect(outcome.deployment.currentRollout == Sample.seed.id)
    #expect(outcome.deployment.desiredVersion == Sample.v3)
  }

  @Test func `a new policy applies to the paused rollout as well`() throws {
    let policy = Sample.policy([(1_000_000, 3)])
    let outcome = try DeploymentPlan.update(
      Sample.deployment(), rollout: Sample.rollout(.paused, exposure: 50_000),
      change: .init(policy: .some(policy)), seed: Sample.seed, now: Self.now)
    #expect(outcome.rollout?.policy == policy)
    #expect(outcome.rollout?.id == RolloutID("r1"))
    #expect(outcome.deployment.policy == policy)
  }

  @Test func `the same target again begins nothing`() throws {
    let outcome = try DeploymentPlan.update(
      Sample.deployment(), rollout: Sample.rollout(.paused, exposure: 50_000),
      change: .init(desiredVersion: Sample.v2, selector: .everything), seed: Sample.seed,
      now: Self.now)
    #expect(outcome.rollout == nil)
    #expect(outcome.aborted == nil)
  }

  @Test(arguments: [
    DeploymentState.pendingApproval, .paused, .archived, .failed, .killed,
  ])
  func `only a draft or an active deployment changes its target`(state: DeploymentState) {
    #expect(throws: DomainError.self) {
      try DeploymentPlan.update(
        Sample.deployment(state), rollout: nil, change: .init(selector: .everything),
        seed: Sample.seed, now: Self.now)
    }
  }

  @Test(arguments: [RolloutState.pending, .progressing, .paused, .completed])
  func `rolling back makes the version from before active and desired`(
    state: RolloutState
  ) throws {
    let outcome = try DeploymentPlan.rollBack(
      Sample.deployment(active: state == .completed ? Sample.v2 : Sample.v1),
      rollout: Sample.rollout(state, exposure: 50_000), reason: "bad", now: Self.now)
    #expect(outcome.rollout?.state == .rolledBack)
    #expect(outcome.deployment.activeVersion == Sample.v1)
    #expect(outcome.deployment.desiredVersion == Sample.v1)
  }

  @Test func `rolling back a change at once returns to the version it replaced`() throws {
    let completed = Sample.rollout(.completed, exposure: 1_000_000)
    let before = Sample.deployment(active: Sample.v2, policy: nil)
    let changed = try DeploymentPlan.update(
      before, rollout: completed, change: .init(desiredVersion: Sample.v3), seed: Sample.seed,
      now: Self.now
    ).deployment
    #expect(changed.activeVersion == Sample.v3)
    #expect(changed.replacedVersion == Sample.v2)

    let later = Sample.minutes(6)
    let back = try DeploymentPlan.rollBack(
      changed, rollout: completed, reason: "bad", now: later)
    #expect(back.rollout == nil)
    #expect(back.deployment.activeVersion == Sample.v2)
    #expect(back.deployment.desiredVersion == Sample.v2)
    #expect(back.deployment.updatedAt == later)
    let further = try DeploymentPlan.rollBack(
      back.deployment, rollout: completed, reason: "bad", now: later)
    #expect(further.rollout?.state == .rolledBack)
    #expect(further.deployment.activeVersion == Sample.v1)
  }

  @Test func `two changes at once in a row go back by one`() throws {
    let completed = Sample.rollout(.completed, exposure: 1_000_000)
    var deployment = Sample.deployment(active: Sample.v2, policy: nil)
    for version in [Sample.v3, VersionID("v4")] {
      deployment = try DeploymentPlan.update(
        deployment, rollout: completed, change: .init(desiredVersion: version),
        seed: Sample.seed, now: Self.now
      ).deployment
    }
    deployment = try DeploymentPlan.rollBack(
      deployment, rollout: completed, reason: "", now: Self.now
    ).deployment
    #expect(deployment.activeVersion == Sample.v3)
    // The rollout to v2 did not bring v3: it is not its turn.
    #expect(throws: DomainError.nothingToRollBack(active: Sample.v3)) {
      try DeploymentPlan.rollBack(deployment, rollout: completed, reason: "", now: Self.now)
    }
  }

  @Test func `a rollout after a change at once is what is rolled back`() throws {
    var deployment = Sample.deployment(active: Sample.v2)
    deployment.replacedVersion = Sample.v1
    let begun = try DeploymentPlan.update(
      deployment, rollout: nil, change: .init(desiredVersion: Sample.v3), seed: Sample.seed,
      now: Self.now)
    #expect(begun.deployment.replacedVersion == Sample.v1)
    let back = try DeploymentPlan.rollBack(
      begun.deployment, rollout: begun.rollout, reason: "", now: Self.now)
    #expect(back.rollout?.state == .rolledBack)
    #expect(back.deployment.activeVersion == Sample.v2)
    #expect(back.deployment.replacedVersion == Sample.v1)
    let twice = try DeploymentPlan.rollBack(
      back.deployment, rollout: back.rollout, reason: "", now: Self.now)
    #expect(twice.rollout == nil)
    #expect(twice.deployment.activeVersion == Sample.v1)
    #expect(twice.deployment.withdrawnVersions == [Sample.v3, Sample.v2])
    #expect(throws: DomainError.self) {
      try DeploymentPlan.rollBack(
        twice.deployment, rollout: back.rollout, reason: "", now: Self.now)
    }
    // Given up, it has changed nothing: what became active at once before it is taken back.
    let paused = try RolloutPlan.pause(try #require(begun.rollout), reason: "", now: Self.now)
    let givenUp = try DeploymentPlan.update(
      begun.deployment, rollout: paused, change: .init(desiredVersion: Sample.v2),
      seed: Sample.seed, now: Self.now)
    #expect(givenUp.aborted?.state == .aborted)
    let further = try DeploymentPlan.rollBack(
      givenUp.deployment, rollout: nil, reason: "", now: Self.now)
    #expect(further.deployment.activeVersion == Sample.v1)
    #expect(further.deployment.withdrawnVersions == [Sample.v3, Sample.v2])
  }

  @Test func `a version that is rolled back is withdrawn until it is wanted again`() throws {
    let back = try DeploymentPlan.rollBack(
      Sample.deployment(), rollout: Sample.rollout(.progressing, exposure: 50_000), reason: "",
      now: Self.now
    ).deployment
    #expect(back.withdrawnVersions == [Sample.v2])
    let other = try DeploymentPlan.update(
      back, rollout: nil, change: .init(desiredVersion: Sample.v3), seed: Sample.seed,
      now: Self.now
    ).deployment
    #expect(other.withdrawnVersions == [Sample.v2])
    let again = try DeploymentPlan.update(
      back, rollout: nil, change: .init(desiredVersion: Sample.v2), seed: Sample.seed,
      now: Self.now
    ).deployment
    #expect(again.withdrawnVersions == [])
  }

  @Test(arguments: [Sample.v1, Sample.v3])
  func `a version that is given up is withdrawn until it is wanted again`(wanted: VersionID) throws
  {
    func target(_ version: VersionID, _ deployment: Deployment, _ rollout: Rollout?) throws
      -> DeploymentPlan.Outcome
    {
      try DeploymentPlan.update(
        deployment, rollout: rollout, change: .init(desiredVersion: version), seed: Sample.seed,
        now: Self.now)
    }
    let givenUp = try target(
      wanted, Sample.deployment(), Sample.rollout(.paused, exposure: 50_000))
    #expect(givenUp.aborted?.state == .aborted)
    #expect(givenUp.deployment.withdrawnVersions == [Sample.v2])
    let paused = try givenUp.rollout.map {
      try RolloutPlan.pause($0, reason: "", now: Self.now)
    }
    let again = try target(Sample.v2, givenUp.deployment, paused)
    #expect(again.rollout?.to == Sample.v2)
    #expect(again.deployment.withdrawnVersions == (wanted == Sample.v3 ? [Sample.v3] : []))
  }

  @Test(arguments: [Sample.v1, nil] as [VersionID?])
  func `without a rollout and without a version replaced there is nothing to roll back`(
    active: VersionID?
  ) {
    #expect(throws: DomainError.nothingToRollBack(active: active)) {
      try DeploymentPlan.rollBack(
        Sample.deployment(active: active), rollout: nil, reason: "", now: Self.now)
    }
  }

  @Test func `rolling back what is rolled back, or archived, is refused`() {
    #expect(throws: DomainError.self) {
      try DeploymentPlan.rollBack(
        Sample.deployment(), rollout: Sample.rollout(.rolledBack), reason: "", now: Self.now)
    }
    #expect(throws: DomainError.self) {
      try DeploymentPlan.rollBack(
        Sample.deployment(.archived), rollout: Sample.rollout(.paused), reason: "",
        now: Self.now)
    }
  }
}
