public import Domain
internal import SQL

/// What devices report for one version of a deployment.
public struct VersionTally: Sendable, Hashable {
  public let version: VersionID
  /// Devices on which it is being downloaded.
  public let downloadingDevices: Int
  /// Devices that run it.
  public let installedDevices: Int
  /// Devices that could not be brought to run it.
  public let failedDevices: Int
  /// What devices did with it.
  public let activity: VersionActivity
}

/// What is known of each version of a deployment: how many devices run it, and what they did with it.
public struct VersionTallies {
  /// Versions told of at most, the newest.
  public static let maximum = 100

  private let db: Connection
  private let telemetry: TelemetryStore

  public init(_ transaction: ReadTransaction, _ telemetry: TelemetryStore) {
    db = transaction.connection
    self.telemetry = telemetry
  }

  /// The newest versions of a deployment that devices reported about, by ascending id: bounded, whatever the fleet's size and history.
  public func of(_ deployment: DeploymentID) throws -> [VersionTally] {
    let activities = try telemetry.read {
      try DeviceActivities($0).versions(of: deployment, limit: Self.maximum)
    }
    let counted = try db.all(
      """
      SELECT version, downloading_devices, installed_devices, failed_devices
      FROM version_devices WHERE deployment = $1 ORDER BY version DESC LIMIT $2
      """, deployment.rawValue, Self.maximum
    ) { row in
      let version: VersionID = try row.id(0)
      return VersionTally(
        version: version, downloadingDevices: try row[1], installedDevices: try row[2],
        failedDevices: try row[3], activity: activities[version] ?? .none)
    }
    let known = Set(counted.map(\.version))
    let silent = activities.filter { !known.contains($0.key) }.map { version, activity in
      VersionTally(
        version: version, downloadingDevices: 0, installedDevices: 0, failedDevices: 0,
        activity: activity)
    }
    return (counted + silent).sorted { $0.version < $1.version }.suffix(Self.maximum)
  }
}
