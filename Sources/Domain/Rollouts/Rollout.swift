/// One run of a deployment from one version to another.
///
/// A value: ``RolloutPlan`` makes the next one, a repository stores it. No device appears in it; who is in the cohort follows
/// from `salt` and `exposure` (``Bucketing``).
public struct Rollout: Hashable, Sendable {
  public let id: RolloutID
  public let org: OrgID
  public let deployment: DeploymentID
  /// 1 for the deployment's first rollout, then counting.
  public let number: Int64
  /// What devices outside the cohort run; nil when the deployment had no version before.
  public let from: VersionID?
  /// What devices in the cohort run.
  public let to: VersionID
  public let salt: RolloutSalt
  public let createdAt: Timestamp

  public var policy: RolloutPolicy
  public var state: RolloutState
  public var exposure: Exposure
  /// Since when the exposure is what it is; the soak counts from here.
  public var exposureChangedAt: Timestamp
  /// When the automator may take the next step; nil unless progressing with auto-advance.
  public var nextAdvanceAt: Timestamp?
  /// When it began to progress.
  public var startedAt: Timestamp?
  /// How often what its gates count has begun anew: 0 at first, one more with each resume.
  public var window: Int64
  /// Since when its gates count: when it began to progress, or was resumed last. Nil before.
  public var windowStart: Timestamp?
  /// When it completed, was rolled back or aborted.
  public var endedAt: Timestamp?
  /// Why it is in its state, in words: an operator's reason or a gate's summary. Empty when nobody gave one.
  public var stateReason: String
  /// The last verdict of each gate, in the policy's order.
  public var verdicts: [GateVerdict]
  /// The revision of its last change: the etag.
  public var revision: Int64

  public init(
    id: RolloutID, org: OrgID, deployment: DeploymentID, number: Int64, from: VersionID?,
    to: VersionID, salt: RolloutSalt, createdAt: Timestamp, policy: RolloutPolicy,
    state: RolloutState = .pending, exposure: Exposure = .zero,
    exposureChangedAt: Timestamp? = nil, nextAdvanceAt: Timestamp? = nil,
    startedAt: Timestamp? = nil, window: Int64 = 0, windowStart: Timestamp? = nil,
    endedAt: Timestamp? = nil, stateReason: String = "", verdicts: [GateVerdict] = [],
    revision: Int64 = 0
  ) {
    self.id = id
    self.org = org
    self.deployment = deployment
    self.number = number
    self.from = from
    self.to = to
    self.salt = salt
    self.createdAt = createdAt
    self.policy = policy
    self.state = state
    self.exposure = exposure
    self.exposureChangedAt = exposureChangedAt ?? createdAt
    self.nextAdvanceAt = nextAdvanceAt
    self.startedAt = startedAt
    self.window = window
    self.windowStart = windowStart ?? startedAt
    self.endedAt = endedAt
    self.stateReason = stateReason
    self.verdicts = verdicts
    self.revision = revision
  }

  /// The side that a report about `version` counts for, from a device with this assignment; nil: for neither.
  ///
  /// A device counts on the side it is on, and only with the version of that side: what it says of a version that the rollout never
  /// gave it is no evidence. Rollout from v1 to v2:
  /// - in the cohort, about v2 → canary; about v1, which it still runs → nil
  /// - outside of it, about v1 → control; about v2, which came by another way → nil
  /// - pinned to v3, about v3 → nil
  /// - the rollout is over → nil
  public func judgedArm(of version: VersionID, assigned: Assignment) -> Assignment.Arm? {
    guard state.isActive else { return nil }
    switch assigned.arm {
    case .canary: return version == to ? .canary : nil
    case .control: return version == from ? .control : nil
    }
  }

  /// The step the exposure stands on, -1 before the first.
  public var stepIndex: Int { policy.stepIndex(at: exposure) }
}
