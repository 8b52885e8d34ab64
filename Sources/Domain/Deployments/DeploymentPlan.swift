/// What becomes of a deployment and its rollouts when something is done to it.
///
/// Pure: ids, salt and time are parameters. A rollout that completes makes its version the active one; one that is rolled back makes
/// the version from before active *and* desired, so that trying the same version again is a change.
public enum DeploymentPlan {
  /// A deployment with the rollouts that the same transaction must store.
  public struct Outcome: Hashable, Sendable {
    public var deployment: Deployment
    /// The rollout that was given up for the new one.
    public var aborted: Rollout?
    /// The rollout that began, or changed.
    public var rollout: Rollout?
  }

  /// What a new rollout is made with.
  public struct RolloutSeed: Hashable, Sendable {
    public let id: RolloutID
    public let salt: RolloutSalt

    public init(id: RolloutID, salt: RolloutSalt) {
      self.id = id
      self.salt = salt
    }
  }

  /// What Update may change so that devices notice.
  public struct Change: Hashable, Sendable {
    public var desiredVersion: VersionID?
    public var selector: Selector?
    /// `.some(nil)` removes the policy.
    public var policy: RolloutPolicy??

    public init(
      desiredVersion: VersionID? = nil, selector: Selector? = nil, policy: RolloutPolicy?? = nil
    ) {
      self.desiredVersion = desiredVersion
      self.selector = selector
      self.policy = policy
    }
  }

  /// DRAFT → ACTIVE. A rollout begins iff there is a policy; one that has nothing to move is completed at once.
  ///
  /// - desired v2, active v1, policy 5/25/100 → rollout 1 from v1 to v2 at 5 %
  /// - desired v1, active nil, no policy → active v1 at once, no rollout
  /// - desired v1, active v1, policy → rollout 1 from v1 to v1, COMPLETED
  /// - no desired version → error
  public static func start(
    _ deployment: Deployment, seed: RolloutSeed, now: Timestamp
  ) throws(DomainError) -> Outcome {
    var next = deployment
    next.state = try DeploymentStateMachine.apply(.start, to: deployment.state)
    next.startedAt = now
    next.updatedAt = now
    guard let desired = deployment.desiredVersion else {
      throw .invalid(
        field: "desired_version_id", message: "a deployment needs a desired version to start")
    }
    guard desired == next.activeVersion, let policy = next.policy else {
      return try pursue(desired, Outcome(deployment: next), seed: seed, now: now)
    }
    var outcome = try begin(desired, policy, Outcome(deployment: next), seed: seed, now: now)
    if let begun = outcome.rollout, begun.state == .progressing {
      let completed = try RolloutPlan.complete(begun, now: now)
      outcome.rollout = completed
      outcome.deployment = settle(outcome.deployment, with: completed, now: now)
    }
    return outcome
  }

  /// Changes what devices shall run, which devices, or how it spreads.
  ///
  /// Refused while the rollout is PENDING or PROGRESSING: pause first. While it is PAUSED, another desired version gives it up for a
  /// new rollout from the active version, and a new policy applies to it as well. The version that was given up is withdrawn, as if
  /// it had been rolled back.
  ///
  /// - DRAFT → the fields change
  /// - ACTIVE, rollout COMPLETED to v2, desired v3 → rollout 2 from v2 to v3
  /// - ACTIVE, rollout PAUSED to v2 from v1, desired v3 → that is ABORTED, rollout 2 from v1 to v3
  /// - ACTIVE, rollout PROGRESSING → error: it must be PAUSED or COMPLETED or ROLLED_BACK or ABORTED
  /// - ARCHIVED → error: it must be DRAFT or ACTIVE
  public static func update(
    _ deployment: Deployment, rollout: Rollout?, change: Change, seed: RolloutSeed,
    now: Timestamp
  ) throws(DomainError) -> Outcome {
    guard deployment.state == .draft || deployment.state == .active else {
      throw .illegalTransition(
        resource: "deployment", event: "change the target of", current: deployment.state.rawValue,
        required: [DeploymentState.draft.rawValue, DeploymentState.active.rawValue])
    }
    if let rollout, rollout.state == .progressing || rollout.state == .pending {
      let required: [RolloutState] = [.paused, .completed, .rolledBack, .aborted]
      throw .illegalTransition(
        resource: "rollout", event: "change the target of", current: rollout.state.rawValue,
        required: required.map(\.rawValue))
    }
    var next = deployment
    next.updatedAt = now
    if let selector = change.selector { next.selector = selector }
    if let policy = change.policy { next.policy = policy }
    if let desired = change.desiredVersion { next.desiredVersion = desired }
    var outcome = Outcome(deployment: next)
    guard deployment.state == .active else { return outcome }

    let retargets = change.desiredVersion.map { $0 != deployment.desiredVersion } ?? false
    if retargets, let desired = next.desiredVersion {
      if let rollout, rollout.state.isActive {
        outcome.aborted = try RolloutPlan.abort(
          rollout, reason: "another version became the target", now: now)
        // Whoever got it and left the targeting since is told of no other version.
        if rollout.to != rollout.from { outcome.deployment.target.fleet.withdraw(rollout.to) }
      }
      return try pursue(desired, outcome, seed: seed, now: now)
    }
    if let rollout, rollout.state.isActive, case .some(.some(let policy)) = change.policy {
      outcome.rollout = try RolloutPlan.setPolicy(rollout, to: policy)
    }
    return outcome
  }

  /// Takes the newest change of what devices run back. A safety path: no approval is asked.
  ///
  /// `rollout` is the newest that was not given up: one that was aborted changed nothing that lasts. While it is under way it is the
  /// newest change, and every bumped device goes back to its from-version. Else a version that became active at once, without a
  /// rollout, gives way to the one it replaced; the rollouts before it stay as they are, and the outcome has none. The version that
  /// is taken back is withdrawn: whoever still runs it is brought back, be it targeted or not.
  ///
  /// - rollout PROGRESSING or PAUSED from v1 to v2 → ROLLED_BACK; desired and active v1
  /// - rollout COMPLETED from v1 to v2 → the same
  /// - rollout ROLLED_BACK → error: it must be PENDING or PROGRESSING or PAUSED or COMPLETED
  /// - from nil → ROLLED_BACK; devices remove what they got
  /// - rollout COMPLETED from v1 to v2, then v3 at once → desired and active v2, no rollout; once more → the rollout's turn, v1
  /// - v1, then v2 and v3 at once → v2; once more → error: there is nothing to roll back to
  /// - v1, then v2 at once, rollout PROGRESSING to v3 → v2; once more → v1
  /// - v1, then v2 at once, rollout to v3 given up for v2 → v1
  /// - rollout COMPLETED from v1 to v2, then one to v3 given up for v2 → the first is ROLLED_BACK, v1
  public static func rollBack(
    _ deployment: Deployment, rollout: Rollout?, reason: String, now: Timestamp
  ) throws(DomainError) -> Outcome {
    var next = deployment
    next.state = try DeploymentStateMachine.apply(.rollBack, to: deployment.state)
    if let replaced = deployment.replacedVersion, rollout?.state.isActive != true {
      if let active = deployment.activeVersion { next.target.fleet.withdraw(active) }
      next.target.fleet.readmit(replaced)
      next.activeVersion = replaced
      next.desiredVersion = replaced
      next.replacedVersion = nil
      next.updatedAt = now
      return Outcome(deployment: next)
    }
    guard let rollout, rollout.state != .completed || rollout.to == deployment.activeVersion else {
      throw .nothingToRollBack(active: deployment.activeVersion)
    }
    let rolledBack = try RolloutPlan.rollBack(rollout, reason: reason, now: now)
    return Outcome(deployment: settle(next, with: rolledBack, now: now), rollout: rolledBack)
  }

  /// The deployment after its rollout changed: takes over what a finished rollout decided.
  public static func settle(
    _ deployment: Deployment, with rollout: Rollout, now: Timestamp
  ) -> Deployment {
    var next = deployment
    next.currentRollout = rollout.id
    next.updatedAt = now
    switch rollout.state {
    case .completed:
      next.activeVersion = rollout.to
      next.replacedVersion = nil
      next.target.fleet.readmit(rollout.to)
    case .rolledBack:
      next.activeVersion = rollout.from
      next.desiredVersion = rollout.from
      // What the version from before had replaced at once is replaced still. A rollout from a version to itself leaves nothing to bring back.
      if rollout.to != rollout.from { next.target.fleet.withdraw(rollout.to) }
      next.target.fleet.readmit(rollout.from)
    case .pending, .progressing, .paused:
      next.target.fleet.readmit(rollout.to)
    case .aborted:
      break
    }
    return next
  }

  /// Makes `desired` what devices run: by a rollout if there is a policy, else at once.
  private static func pursue(
    _ desired: VersionID, _ outcome: Outcome, seed: RolloutSeed, now: Timestamp
  ) throws(DomainError) -> Outcome {
    var outcome = outcome
    guard desired != outcome.deployment.activeVersion else { return outcome }
    guard let policy = outcome.deployment.policy else {
      outcome.deployment.replacedVersion = outcome.deployment.activeVersion
      outcome.deployment.target.fleet.readmit(desired)
      outcome.deployment.activeVersion = desired
      return outcome
    }
    return try begin(desired, policy, outcome, seed: seed, now: now)
  }

  private static func begin(
    _ desired: VersionID, _ policy: RolloutPolicy, _ outcome: Outcome, seed: RolloutSeed,
    now: Timestamp
  ) throws(DomainError) -> Outcome {
    var outcome = outcome
    outcome.deployment.rolloutCount += 1
    let rollout = Rollout(
      id: seed.id, org: outcome.deployment.org, deployment: outcome.deployment.id,
      number: outcome.deployment.rolloutCount, from: outcome.deployment.activeVersion, to: desired,
      salt: seed.salt, createdAt: now, policy: policy)
    let begun = try RolloutPlan.begin(rollout, now: now)
    outcome.rollout = begun
    outcome.deployment = settle(outcome.deployment, with: begun, now: now)
    return outcome
  }
}
