public import Domain
internal import SQL

/// What devices say they run, and how many run what.
///
/// The counts in `version_devices` move with every change, in the same transaction, so that nobody ever counts devices to judge a
/// deployment.
public struct Installations {
  private let db: Connection

  public init(_ transaction: ReadTransaction) { db = transaction.connection }

  /// All installations of a device, by deployment.
  public func of(_ device: DeviceID) throws -> [Installation] {
    try db.all(
      """
      SELECT deployment, version, state, error, running, changed_at_ms FROM installations
      WHERE device = $1 ORDER BY deployment
      """, device.rawValue, map: Self.installation)
  }

  public func find(device: DeviceID, deployment: DeploymentID) throws -> Installation? {
    try db.first(
      """
      SELECT deployment, version, state, error, running, changed_at_ms FROM installations
      WHERE device = $1 AND deployment = $2
      """, device.rawValue, deployment.rawValue, map: Self.installation)
  }

  /// Stores what a device now says; `previous` is what was stored before.
  public func save(
    _ installation: Installation, device: DeviceID, replacing previous: Installation?
  ) throws {
    try db.execute(
      """
      INSERT INTO installations (device, deployment, version, state, error, running, changed_at_ms)
      VALUES ($1, $2, $3, $4, $5, $6, $7)
      ON CONFLICT (device, deployment) DO UPDATE SET version = excluded.version,
        state = excluded.state, error = excluded.error, running = excluded.running,
        changed_at_ms = excluded.changed_at_ms
      """, device.rawValue, installation.deployment.rawValue, installation.version.rawValue,
      installation.state.rawValue, installation.error, installation.running?.rawValue,
      installation.changedAt.milliseconds)
    if let previous { try count(previous, by: -1) }
    try count(installation, by: 1)
  }

  /// Moves the device counts of the versions that an installation concerns.
  private func count(_ installation: Installation, by change: Int64) throws {
    let deployment = installation.deployment
    if let running = installation.running {
      try count(deployment, running, installed: change)
    }
    switch installation.state {
    case .downloading: try count(deployment, installation.version, downloading: change)
    case .failed: try count(deployment, installation.version, failed: change)
    case .installed, .removed: break
    }
  }

  private func count(
    _ deployment: DeploymentID, _ version: VersionID, downloading: Int64 = 0,
    installed: Int64 = 0, failed: Int64 = 0
  ) throws {
    try db.execute(
      """
      INSERT INTO version_devices (deployment, version, downloading_devices, installed_devices,
        failed_devices)
      VALUES ($1, $2, $3, $4, $5)
      ON CONFLICT (deployment, version) DO UPDATE SET
        downloading_devices = version_devices.downloading_devices + excluded.downloading_devices,
        installed_devices = version_devices.installed_devices + excluded.installed_devices,
        failed_devices = version_devices.failed_devices + excluded.failed_devices
      """, deployment.rawValue, version.rawValue, downloading, installed, failed)
  }

  private static func installation(_ row: Row) throws(SQLError) -> Installation {
    Installation(
      deployment: try row.id(0), version: try row.id(1), state: try row.raw(2),
      error: try row[3], running: try row.idOrNil(4), changedAt: try row.time(5))
  }
}
