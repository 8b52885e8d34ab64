/// What becomes of a rollout when something is done to it: pure functions from a rollout and `now` to the next rollout.
///
/// ```
/// next_advance_at = now + soak of the step the exposure stands on,   while PROGRESSING with auto-advance; else absent
/// ```
///
/// An advance past the last step completes the rollout. The last step's soak is served like any other: a rollout at 100 % is
/// still PROGRESSING, and its gates still judge it, until that soak has ended. When the last soak is zero, reaching 100 % completes.
///
/// With steps 5 % for 10 min, 25 % for 10 min, 100 % for 0:
/// - begin at t=0 → PROGRESSING at 5 %, next advance at 10 min
/// - advance at 3 min (inside the soak) → 25 %, next advance at 13 min
/// - pause at 5 min → PAUSED at 25 %, no next advance; resume at 60 min → PROGRESSING at 25 %, next advance at 70 min
/// - advance → COMPLETED at 100 %
public enum RolloutPlan {
  /// PENDING → PROGRESSING at the first step (COMPLETED, when that is the last and has no soak).
  public static func begin(_ rollout: Rollout, now: Timestamp) throws(DomainError) -> Rollout {
    var next = rollout
    next.state = try RolloutStateMachine.apply(.begin, to: rollout.state)
    next.startedAt = now
    next.windowStart = now
    next.stateReason = ""
    let first = rollout.policy.nextStep(after: .zero)?.exposure ?? .full
    return reach(first, next, now: now)
  }

  /// One step now, even inside a soak; past the last step the rollout completes.
  ///
  /// The next step is the first whose exposure exceeds the current one, so a slider's in-between exposure is no obstacle.
  ///
  /// - at 5 % of 5/25/100 → 25 %
  /// - at 10 %, set by hand → 25 %
  /// - at 100 %, soaking → COMPLETED
  /// - PAUSED → error: cannot advance a rollout that is PAUSED; it must be PROGRESSING
  public static func advance(_ rollout: Rollout, now: Timestamp) throws(DomainError) -> Rollout {
    var next = rollout
    next.state = try RolloutStateMachine.apply(.advance, to: rollout.state)
    next.stateReason = ""
    guard let step = rollout.policy.nextStep(after: rollout.exposure) else {
      return try complete(next, now: now)
    }
    return reach(step.exposure, next, now: now)
  }

  /// Freezes the rollout where it is.
  public static func pause(
    _ rollout: Rollout, reason: String, now: Timestamp
  ) throws(DomainError) -> Rollout {
    var next = rollout
    next.state = try RolloutStateMachine.apply(.pause, to: rollout.state)
    next.nextAdvanceAt = nil
    next.stateReason = reason
    return next
  }

  /// Goes on at the current exposure; its soak starts anew, and so does what its gates count: who resumes has seen what failed, and
  /// the rollout is judged by what happens from here on.
  ///
  /// A rollout paused before it began stands at exposure 0 and resumes with its first step, as ``begin(_:now:)`` does.
  public static func resume(_ rollout: Rollout, now: Timestamp) throws(DomainError) -> Rollout {
    var next = rollout
    next.state = try RolloutStateMachine.apply(.resume, to: rollout.state)
    next.stateReason = ""
    next.window += 1
    next.windowStart = now
    next.verdicts = []
    guard rollout.startedAt != nil else {
      next.startedAt = now
      return reach(rollout.policy.nextStep(after: .zero)?.exposure ?? .full, next, now: now)
    }
    next.nextAdvanceAt = nextAdvance(next, now: now)
    return next
  }

  /// Sets the exposure by hand. Lowering sends devices back and is refused unless `allowRegression`.
  ///
  /// While PROGRESSING the soak starts anew; the same exposure again changes nothing.
  /// Setting 100 % does not complete: the last soak, or an advance, does.
  ///
  /// - 5 % → 10 % → 10 %
  /// - 25 % → 10 % → error "exposure 100000 is below the current 250000"
  /// - 25 % → 10 %, allowed → 10 %
  public static func setExposure(
    _ rollout: Rollout, to exposure: Exposure, allowRegression: Bool, now: Timestamp
  ) throws(DomainError) -> Rollout {
    var next = rollout
    next.state = try RolloutStateMachine.apply(.changeExposure, to: rollout.state)
    guard exposure != rollout.exposure else { return next }
    guard exposure > rollout.exposure || allowRegression else {
      throw .regression(current: rollout.exposure, requested: exposure)
    }
    next.exposure = exposure
    next.exposureChangedAt = now
    next.nextAdvanceAt = nextAdvance(next, now: now)
    return next
  }

  /// Replaces steps, auto-advance and gates, while PAUSED. The exposure stays; resume arms the new soak.
  public static func setPolicy(
    _ rollout: Rollout, to policy: RolloutPolicy
  ) throws(DomainError) -> Rollout {
    var next = rollout
    next.state = try RolloutStateMachine.apply(.changeCadence, to: rollout.state)
    next.policy = policy
    let kept = Set(policy.gates)
    next.verdicts = rollout.verdicts.filter { kept.contains($0.rule) }
    return next
  }

  /// Everybody gets the new version; the exposure becomes 100 %.
  public static func complete(_ rollout: Rollout, now: Timestamp) throws(DomainError) -> Rollout {
    var next = rollout
    next.state = try RolloutStateMachine.apply(.complete, to: rollout.state)
    if next.exposure != .full {
      next.exposure = .full
      next.exposureChangedAt = now
    }
    next.nextAdvanceAt = nil
    next.endedAt = now
    return next
  }

  /// Everybody goes back to `from` at the next sync; the exposure becomes 0.
  public static func rollBack(
    _ rollout: Rollout, reason: String, now: Timestamp
  ) throws(DomainError) -> Rollout {
    var next = rollout
    next.state = try RolloutStateMachine.apply(.rollBack, to: rollout.state)
    next.exposure = .zero
    next.exposureChangedAt = now
    next.nextAdvanceAt = nil
    next.stateReason = reason
    next.endedAt = now
    return next
  }

  /// Gives the rollout up for another, or with its deployment.
  public static func abort(
    _ rollout: Rollout, reason: String, now: Timestamp
  ) throws(DomainError) -> Rollout {
    var next = rollout
    next.state = try RolloutStateMachine.apply(.abort, to: rollout.state)
    next.nextAdvanceAt = nil
    next.stateReason = reason
    next.endedAt = now
    return next
  }

  /// A progressing rollout at a new exposure; complete when that was the last step and it has no soak.
  private static func reach(_ exposure: Exposure, _ rollout: Rollout, now: Timestamp) -> Rollout {
    var next = rollout
    next.exposure = exposure
    next.exposureChangedAt = now
    if exposure == .full, rollout.policy.soak(at: exposure) == .zero {
      next.state = .completed
      next.nextAdvanceAt = nil
      next.endedAt = now
    } else {
      next.nextAdvanceAt = nextAdvance(next, now: now)
    }
    return next
  }

  private static func nextAdvance(_ rollout: Rollout, now: Timestamp) -> Timestamp? {
    guard rollout.state == .progressing, rollout.policy.autoAdvance else { return nil }
    return now + rollout.policy.soak(at: rollout.exposure)
  }
}
