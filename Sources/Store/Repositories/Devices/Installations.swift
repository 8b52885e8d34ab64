public import Domain
internal import SQL

/// What devices say they run, and how many run what.
///
/// The counts in `version_devices` move with every change, in the same transaction, so that nobody ever counts devices to judge a
/// deployment.
public struct Installations {
  private let db: Connection

  public init(_ transaction: ReadTransaction) { db = transaction.connection }

  /// All installations of a device, by deployment; what is over is swept after a while (``over(after:changedBefore:limit:)``).
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

  /// An installation by its key.
  public struct Key: Sendable, Hashable {
    public let device: DeviceID
    public let deployment: DeploymentID

    public init(device: DeviceID, deployment: DeploymentID) {
      self.device = device
      self.deployment = deployment
    }
  }

  /// Looks at the next `limit` installations by key beyond `after`: which of them are over, and where the next look begins; nil: there are
  /// no more. One is over when the device removed it or its deployment is archived or killed, and it has not changed since
  /// `changedBefore`.
  public func over(
    after: Key?, changedBefore: Timestamp, limit: Int
  ) throws -> (over: [Key], next: Key?) {
    var over: [Key] = []
    var (count, last) = (0, after)
    try db.each(
      """
      SELECT i.device, i.deployment, i.state, i.changed_at_ms, d.state
      FROM installations AS i INNER JOIN deployments AS d ON d.id = i.deployment
      WHERE (i.device, i.deployment) > ($1, $2) ORDER BY i.device, i.deployment LIMIT $3
      """, after?.device.rawValue ?? "", after?.deployment.rawValue ?? "", limit
    ) { row in
      let key = Key(device: try row.id(0), deployment: try row.id(1))
      (count, last) = (count + 1, key)
      if try Self.isOver(row, from: 2, changedBefore) { over.append(key) }
      return true
    }
    return (over, count < limit ? nil : last)
  }

  /// Forgets an installation if it is still over, and takes its device out of the counts of its versions. Whether it was.
  public func forget(_ key: Key, changedBefore: Timestamp) throws -> Bool {
    let isOver = try db.first(
      """
      SELECT i.state, i.changed_at_ms, d.state
      FROM installations AS i INNER JOIN deployments AS d ON d.id = i.deployment
      WHERE i.device = $1 AND i.deployment = $2
      """, key.device.rawValue, key.deployment.rawValue
    ) { row in try Self.isOver(row, from: 0, changedBefore) }
    guard isOver == true, let known = try find(device: key.device, deployment: key.deployment)
    else { return false }
    try db.execute(
      "DELETE FROM installations WHERE device = $1 AND deployment = $2", key.device.rawValue,
      key.deployment.rawValue)
    try count(known, by: -1)
    return true
  }

  /// Columns: the state of an installation, when it changed, the state of its deployment.
  private static func isOver(_ row: Row, from column: Int, _ before: Timestamp) throws -> Bool {
    guard try row.time(column + 1) < before else { return false }
    if try row.raw(column, as: Installation.State.self) == .removed { return true }
    switch try row.raw(column + 2, as: DeploymentState.self) {
    case .archived, .killed: return true
    case .draft, .pendingApproval, .active, .paused, .failed: return false
    }
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
