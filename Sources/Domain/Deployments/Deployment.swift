/// Where a deployment serves.
public enum DeploymentEnvironment: String, CaseIterable, Hashable, Sendable {
  case staging = "STAGING"
  case production = "PRODUCTION"
}

/// The intent that something runs somewhere: on a fleet of devices.
///
/// A value: ``DeploymentPlan`` makes the next one, a repository stores it.
public struct Deployment: Hashable, Sendable {
  public let id: DeploymentID
  public let org: OrgID
  public let createdBy: String
  public let createdAt: Timestamp

  public var name: String
  public var description: String
  public var labels: Labels
  public var environment: DeploymentEnvironment
  public var state: DeploymentState
  /// What it is deployed to, with the versions that run there.
  public var target: DeploymentTarget
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
    id: DeploymentID, org: OrgID, createdBy: String, createdAt: Timestamp, name: String,
    description: String = "", labels: Labels = .empty,
    environment: DeploymentEnvironment = .staging, state: DeploymentState = .draft,
    target: DeploymentTarget, policy: RolloutPolicy? = nil,
    currentRollout: RolloutID? = nil, rolloutCount: Int64 = 0, startedAt: Timestamp? = nil,
    endedAt: Timestamp? = nil, updatedAt: Timestamp? = nil, revision: Int64 = 0
  ) {
    self.id = id
    self.org = org
    self.createdBy = createdBy
    self.createdAt = createdAt
    self.name = name
    self.description = description
    self.labels = labels
    self.environment = environment
    self.state = state
    self.target = target
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
