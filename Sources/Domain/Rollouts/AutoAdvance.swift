/// What the automator does with a rollout at a tick.
public enum AutoAdvance {
  /// The decision.
  public enum Decision: Hashable, Sendable {
    /// Take one step.
    case advance
    /// The last soak has ended: complete.
    case complete
    /// A gate failed and chose to pause.
    case pause(GateVerdict)
    /// A gate failed and chose to roll back.
    case rollBack(GateVerdict)
    /// Nothing now; why.
    case hold(Hold)
  }

  /// Why nothing is done.
  public enum Hold: Hashable, Sendable {
    /// It is not PROGRESSING.
    case notProgressing
    /// The policy leaves advancing to people.
    case manual
    /// The soak lasts until then.
    case soaking(until: Timestamp)
    /// A gate has not made up its mind.
    case gate(GateVerdict)
  }

  /// Decides. The order matters: a failed gate acts at once, even inside a soak and without auto-advance; ROLLBACK beats PAUSE;
  /// only then the soak is asked, then the gates that HOLD.
  ///
  /// Rollout at 5 % of 5/25/100, next advance at 10:00, auto-advance:
  /// - 09:59, gates pass → hold(soaking until 10:00)
  /// - 10:00, gates pass → advance
  /// - 10:00, a gate holds → hold(gate)
  /// - 09:00, a gate fails with PAUSE → pause
  /// - 10:00, one fails with PAUSE and one with ROLLBACK → rollBack
  /// - at 100 %, 10:00, gates pass → complete
  /// - auto-advance off, gates pass → hold(manual)
  /// - PAUSED, a gate fails → hold(notProgressing)
  public static func decide(
    _ rollout: Rollout, verdicts: [GateVerdict], now: Timestamp
  ) -> Decision {
    guard rollout.state == .progressing else { return .hold(.notProgressing) }
    let failures = verdicts.filter { $0.outcome == .fail }
    if let worst = failures.first(where: { $0.rule.action == .rollBack }) {
      return .rollBack(worst)
    }
    if let failure = failures.first { return .pause(failure) }
    guard rollout.policy.autoAdvance, let due = rollout.nextAdvanceAt else {
      return .hold(.manual)
    }
    guard now >= due else { return .hold(.soaking(until: due)) }
    if let undecided = verdicts.first(where: { $0.outcome == .hold }) {
      return .hold(.gate(undecided))
    }
    return rollout.policy.nextStep(after: rollout.exposure) == nil ? .complete : .advance
  }
}
