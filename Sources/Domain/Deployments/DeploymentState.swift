/// Where a deployment stands. Stored by its raw value.
public enum DeploymentState: String, CaseIterable, Hashable, Sendable {
  /// Being prepared; nothing is handed out.
  case draft = "DRAFT"
  /// A reviewer has been asked; nothing is handed out.
  case pendingApproval = "PENDING_APPROVAL"
  /// Devices get their version from it.
  case active = "ACTIVE"
  /// Frozen: devices keep what they run, nobody gets the new version.
  case paused = "PAUSED"
  /// Retired; it hands out nothing and its history stays.
  case archived = "ARCHIVED"
  /// Broken; frozen like a paused one until it is rolled back, archived or killed.
  case failed = "FAILED"
  /// Deleted; the row stays for the audit.
  case killed = "KILLED"

  /// Whether it hands out nothing any more, and its name is free.
  public var isOver: Bool { self == .archived || self == .killed }
}

/// What can happen to a deployment.
public enum DeploymentTrigger: String, CaseIterable, Hashable, Sendable {
  case requestApproval = "request approval of"
  case approve
  case reject
  case start
  case pause
  case resume
  case rollBack = "roll back"
  case fail
  case archive
  case reactivate
  case kill
}

/// The transitions of a deployment, as a pure function.
///
/// Approval is a resource of its own: an approved or rejected request brings the deployment back to DRAFT, and Start
/// asks for the approved request. Rolling back is a safety path and leaves the state alone, except that it heals FAILED.
///
/// | trigger | from | to |
/// |---|---|---|
/// | request approval | DRAFT | PENDING_APPROVAL |
/// | approve, reject | PENDING_APPROVAL | DRAFT |
/// | start | DRAFT | ACTIVE |
/// | pause | ACTIVE | PAUSED |
/// | resume | PAUSED | ACTIVE |
/// | roll back | ACTIVE / PAUSED / FAILED | ACTIVE / PAUSED / ACTIVE |
/// | fail | ACTIVE, PAUSED | FAILED |
/// | archive | DRAFT, PENDING_APPROVAL, ACTIVE, PAUSED, FAILED | ARCHIVED |
/// | reactivate | ARCHIVED | ACTIVE |
/// | kill | all but KILLED | KILLED |
public enum DeploymentStateMachine {
  /// The state after `trigger`, or the refusal naming the current and the required states.
  public static func apply(
    _ trigger: DeploymentTrigger, to state: DeploymentState
  ) throws(DomainError) -> DeploymentState {
    switch (trigger, state) {
    case (.requestApproval, .draft): return .pendingApproval
    case (.approve, .pendingApproval), (.reject, .pendingApproval): return .draft
    case (.start, .draft): return .active
    case (.pause, .active): return .paused
    case (.resume, .paused): return .active
    case (.rollBack, .active), (.rollBack, .failed): return .active
    case (.rollBack, .paused): return .paused
    case (.fail, .active), (.fail, .paused): return .failed
    case (.archive, .draft), (.archive, .pendingApproval), (.archive, .active),
      (.archive, .paused), (.archive, .failed):
      return .archived
    case (.reactivate, .archived): return .active
    case (.kill, .draft), (.kill, .pendingApproval), (.kill, .active), (.kill, .paused),
      (.kill, .archived), (.kill, .failed):
      return .killed
    default:
      throw .illegalTransition(
        resource: "deployment", event: trigger.rawValue, current: state.rawValue,
        required: sources(of: trigger).map(\.rawValue))
    }
  }

  /// The states in which `trigger` is legal, in the order of their declaration.
  public static func sources(of trigger: DeploymentTrigger) -> [DeploymentState] {
    switch trigger {
    case .requestApproval, .start: [.draft]
    case .approve, .reject: [.pendingApproval]
    case .pause: [.active]
    case .resume: [.paused]
    case .rollBack: [.active, .paused, .failed]
    case .fail: [.active, .paused]
    case .archive: [.draft, .pendingApproval, .active, .paused, .failed]
    case .reactivate: [.archived]
    case .kill: [.draft, .pendingApproval, .active, .paused, .archived, .failed]
    }
  }
}
