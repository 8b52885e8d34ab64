/// Where a rollout stands. Stored by its raw value.
public enum RolloutState: String, CaseIterable, Hashable, Sendable {
  /// Created, not begun: nobody gets the new version.
  case pending = "PENDING"
  /// Devices in the cohort get the new version.
  case progressing = "PROGRESSING"
  /// Frozen: bumped devices stay, nobody else gets the new version.
  case paused = "PAUSED"
  /// Everybody gets the new version; it is the deployment's active one.
  case completed = "COMPLETED"
  /// Everybody is re-targeted to the version from before.
  case rolledBack = "ROLLED_BACK"
  /// Given up for another rollout, or with its deployment.
  case aborted = "ABORTED"

  /// Whether the rollout still decides what devices get and may change.
  public var isActive: Bool {
    switch self {
    case .pending, .progressing, .paused: true
    case .completed, .rolledBack, .aborted: false
    }
  }
}

/// What can happen to a rollout.
public enum RolloutTrigger: String, CaseIterable, Hashable, Sendable {
  case begin
  case advance
  case changeExposure = "change the exposure of"
  case changeCadence = "change the cadence of"
  case pause
  case resume
  case complete
  case rollBack = "roll back"
  case abort
}

/// The transitions of a rollout, as a pure function.
///
/// | trigger | from | to |
/// |---|---|---|
/// | begin | PENDING | PROGRESSING |
/// | advance | PROGRESSING | PROGRESSING |
/// | change exposure | PROGRESSING, PAUSED | unchanged |
/// | change cadence | PAUSED | PAUSED |
/// | pause | PENDING, PROGRESSING | PAUSED |
/// | resume | PAUSED | PROGRESSING |
/// | complete | PROGRESSING | COMPLETED |
/// | roll back | PENDING, PROGRESSING, PAUSED, COMPLETED | ROLLED_BACK |
/// | abort | PENDING, PROGRESSING, PAUSED | ABORTED |
public enum RolloutStateMachine {
  /// The state after `trigger`, or the refusal naming the current and the required states.
  public static func apply(
    _ trigger: RolloutTrigger, to state: RolloutState
  ) throws(DomainError) -> RolloutState {
    switch (trigger, state) {
    case (.begin, .pending): return .progressing
    case (.advance, .progressing): return .progressing
    case (.changeExposure, .progressing): return .progressing
    case (.changeExposure, .paused), (.changeCadence, .paused): return .paused
    case (.pause, .pending), (.pause, .progressing): return .paused
    case (.resume, .paused): return .progressing
    case (.complete, .progressing): return .completed
    case (.rollBack, .pending), (.rollBack, .progressing), (.rollBack, .paused),
      (.rollBack, .completed):
      return .rolledBack
    case (.abort, .pending), (.abort, .progressing), (.abort, .paused): return .aborted
    default:
      throw .illegalTransition(
        resource: "rollout", event: trigger.rawValue, current: state.rawValue,
        required: sources(of: trigger).map(\.rawValue))
    }
  }

  /// The states in which `trigger` is legal, in the order of their declaration.
  public static func sources(of trigger: RolloutTrigger) -> [RolloutState] {
    switch trigger {
    case .begin: [.pending]
    case .advance, .complete: [.progressing]
    case .changeExposure: [.progressing, .paused]
    case .changeCadence, .resume: [.paused]
    case .pause: [.pending, .progressing]
    case .rollBack: [.pending, .progressing, .paused, .completed]
    case .abort: [.pending, .progressing, .paused]
    }
  }
}
