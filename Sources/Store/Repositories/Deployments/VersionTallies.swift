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

/// The sums of what devices report, for each version of each deployment.
public struct VersionTallies {
  private let db: Connection

  public init(_ transaction: ReadTransaction) { db = transaction.connection }

  /// Every version of a deployment that devices reported about: as many rows as versions, whatever the fleet's size.
  public func of(_ deployment: DeploymentID) throws -> [VersionTally] {
    try db.all(
      """
      SELECT version, downloading_devices, installed_devices, failed_devices, latency,
        downloads_ok, downloads_failed, activations_ok, activations_failed, inferences_ok,
        inferences_failed
      FROM version_health WHERE deployment = $1 ORDER BY version
      """, deployment.rawValue
    ) { row in
      VersionTally(
        version: try row.id(0), downloadingDevices: try row[1], installedDevices: try row[2],
        failedDevices: try row[3],
        activity: VersionActivity(
          attempts: try row.attempts(from: 5), latency: try LatencySketch(record: try row[4])))
    }
  }
}
