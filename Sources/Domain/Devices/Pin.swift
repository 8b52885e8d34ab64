/// What a pinned device gets instead of what its bucket says.
public enum PinTarget: Hashable, Sendable {
  /// As if the device were in the cohort at any exposure.
  case canary
  /// As if it never were; it stays on the version from before even when the rollout completes.
  case control
  /// This version, whatever the rollout does.
  case version(VersionID)
}

extension PinTarget: CustomStringConvertible {
  /// For sentences.
  public var description: String {
    switch self {
    case .canary: "the canary side"
    case .control: "the control side"
    case .version(let version): "version \(version)"
    }
  }
}

/// A device fixed to one side of a deployment by an operator; survives rollouts.
public struct Pin: Hashable, Sendable {
  public let deployment: DeploymentID
  public let device: DeviceID
  public let target: PinTarget
  /// Why, in the operator's words.
  public let reason: String
  public let createdBy: String
  public let createdAt: Timestamp

  public init(
    deployment: DeploymentID, device: DeviceID, target: PinTarget, reason: String,
    createdBy: String, createdAt: Timestamp
  ) {
    self.deployment = deployment
    self.device = device
    self.target = target
    self.reason = reason
    self.createdBy = createdBy
    self.createdAt = createdAt
  }
}
