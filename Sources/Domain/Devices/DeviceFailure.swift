/// What went wrong on a device with one version, kept after a rollback: the last error that it told.
public struct DeviceFailure: Hashable, Sendable {
  /// How many versions a device's failures are kept of, for each deployment: the newest.
  public static let maximumKept = 8

  public let version: VersionID
  /// The rollout that had given it the version; nil: none had.
  public let rollout: RolloutID?
  /// What failed, in the device's words; empty when it gave none.
  public let error: String
  /// When the server heard of it.
  public let failedAt: Timestamp

  public init(version: VersionID, rollout: RolloutID?, error: String, failedAt: Timestamp) {
    self.version = version
    self.rollout = rollout
    self.error = error
    self.failedAt = failedAt
  }
}

/// Devices of a deployment that told the same error about the same version.
public struct FailureGroup: Hashable, Sendable {
  public let version: VersionID
  public let rollout: RolloutID?
  public let error: String
  public let devices: Int
  /// When the last of them told it.
  public let lastFailedAt: Timestamp

  public init(
    version: VersionID, rollout: RolloutID?, error: String, devices: Int, lastFailedAt: Timestamp
  ) {
    self.version = version
    self.rollout = rollout
    self.error = error
    self.devices = devices
    self.lastFailedAt = lastFailedAt
  }
}
