/// Where a deployment serves.
public enum DeploymentEnvironment: String, CaseIterable, Hashable, Sendable {
  case staging = "STAGING"
  case production = "PRODUCTION"
}

/// A version of a model variant, kept on the devices that a selector addresses.
///
/// A value: ``DeploymentPlan`` makes the next one, a repository stores it.
public struct Deployment: Hashable, Sendable {
  public let id: DeploymentID
  public let org: OrgID
  public let model: ModelID
  public let variant: VariantID
  public let createdBy: String
  public let createdAt: Timestamp

  public var name: String
  public var description: String
  public var labels: Labels
  public var environment: DeploymentEnvironment
  public var state: DeploymentState
  /// What every addressed device shall run in the end; nil in a draft that does not know yet.
  public var desiredVersion: VersionID?
  /// What devices outside a rollout's cohort run: the last known good; nil before the first version.
  public var activeVersion: VersionID?
  /// What devices ran before the active version, when that became it at once, without a rollout: where a rollback goes. Nil
  /// when the active version came by a rollout, or nothing ran before.
  public var replacedVersion: VersionID?
  public var selector: Selector
  /// How a new version spreads; nil: at once.
  public var policy: RolloutPolicy?
  /// The newest rollout; nil before the first.
  public var currentRollout: RolloutID?
  /// How many rollouts there have been.
  public var rolloutCount: Int64
  public var startedAt: Timestamp?
  public var endedAt: Timestamp?
  public var updatedAt: Timestamp
  /// The revision of its last change: the etag.
  public var revision: Int64

  public init(
    id: DeploymentID, org: OrgID, model: ModelID, variant: VariantID, createdBy: String,
    createdAt: Timestamp,
    name: String, description: String = "", labels: Labels = .empty,
    environment: DeploymentEnvironment = .staging, state: DeploymentState = .draft,
    desiredVersion: VersionID? = nil, activeVersion: VersionID? = nil,
    replacedVersion: VersionID? = nil, selector: Selector = .everything,
    policy: RolloutPolicy? = nil,
    currentRollout: RolloutID? = nil, rolloutCount: Int64 = 0, startedAt: Timestamp? = nil,
    endedAt: Timestamp? = nil, updatedAt: Timestamp? = nil, revision: Int64 = 0
  ) {
    self.id = id
    self.org = org
    self.model = model
    self.variant = variant
    self.createdBy = createdBy
    self.createdAt = createdAt
    self.name = name
    self.description = description
    self.labels = labels
    self.environment = environment
    self.state = state
    self.desiredVersion = desiredVersion
    self.activeVersion = activeVersion
    self.replacedVersion = replacedVersion
    self.selector = selector
    self.policy = policy
    self.currentRollout = currentRollout
    self.rolloutCount = rolloutCount
    self.startedAt = startedAt
    self.endedAt = endedAt
    self.updatedAt = updatedAt ?? createdAt
    self.revision = revision
  }

  /// Whether devices get anything from it, be it only what they already have.
  public var governsDevices: Bool {
    switch state {
    case .active, .paused, .failed: true
    case .draft, .pendingApproval, .archived, .killed: false
    }
  }
}
