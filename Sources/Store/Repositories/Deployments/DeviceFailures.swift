public import Domain
internal import SQL

/// The last error of each device and version of a deployment: kept after a rollback, until the device runs the version.
public struct DeviceFailures {
  private let db: Connection

  public init(_ transaction: TelemetryTransaction) { db = transaction.connection }

  /// The failures of a device for one deployment, the newest first.
  public func of(_ device: DeviceID, deployment: DeploymentID) throws -> [DeviceFailure] {
    try db.all(
      """
      SELECT version, rollout, error, failed_at_ms FROM device_failures
      WHERE deployment = $1 AND device = $2 ORDER BY failed_at_ms DESC, version DESC
      """, deployment.rawValue, device.rawValue, map: Self.failure)
  }

  /// Devices with a failure, by ascending id after `after`, or by descending id before it.
  public func page(
    deployment: DeploymentID, after: DeviceID?, descending: Bool, skip: Int, limit: Int
  ) throws -> [DeviceID] {
    // Ids begin with a digit or a letter.
    guard !descending else {
      return try db.all(
        """
        SELECT DISTINCT device FROM device_failures
        WHERE deployment = $1 AND device < $2 ORDER BY device DESC LIMIT $3 OFFSET $4
        """, deployment.rawValue, after?.rawValue ?? "~", limit, skip
      ) { row in try row.id(0) }
    }
    return try db.all(
      """
      SELECT DISTINCT device FROM device_failures
      WHERE deployment = $1 AND device > $2 ORDER BY device LIMIT $3 OFFSET $4
      """, deployment.rawValue, after?.rawValue ?? "", limit, skip
    ) { row in try row.id(0) }
  }

  /// How many devices of a deployment told each error, most devices first. As long as failures are kept: for scans.
  public func groups(of deployment: DeploymentID, limit: Int) throws -> [FailureGroup] {
    try db.all(
      """
      SELECT version, rollout, error, count(*), max(failed_at_ms) FROM device_failures
      WHERE deployment = $1 GROUP BY version, rollout, error
      ORDER BY count(*) DESC, max(failed_at_ms) DESC, version, rollout, error LIMIT $2
      """, deployment.rawValue, limit
    ) { row in
      let rollout = try row.get(1, as: String.self)
      return FailureGroup(
        version: try row.id(0), rollout: rollout.isEmpty ? nil : RolloutID(rollout),
        error: try row[2], devices: try row[3], lastFailedAt: try row.time(4))
    }
  }

  /// As below, but no more than `limit`.
  public func deviceCount(of deployment: DeploymentID, upTo limit: Int) throws -> Int {
    try db.first(
      """
      SELECT count(*) FROM (SELECT DISTINCT device FROM device_failures
        WHERE deployment = $1 LIMIT $2) AS failing
      """, deployment.rawValue, limit
    ) { row in try row.get(0, as: Int.self) } ?? 0
  }

  /// How many devices of a deployment have a failure. As long as failures are kept: for scans.
  public func deviceCount(of deployment: DeploymentID) throws -> Int {
    try db.first(
      "SELECT count(DISTINCT device) FROM device_failures WHERE deployment = $1",
      deployment.rawValue
    ) { row in try row.get(0, as: Int.self) } ?? 0
  }

  /// Keeps a failure; beyond ``DeviceFailure/maximumKept`` versions the oldest goes. None is younger than it, whatever a clock that was
  /// ahead once said.
  func save(_ failure: DeviceFailure, device: DeviceID, deployment: DeploymentID) throws {
    try db.execute(
      """
      INSERT INTO device_failures (deployment, device, version, rollout, error, failed_at_ms)
      VALUES ($1, $2, $3, $4, $5, $6)
      ON CONFLICT (deployment, device, version) DO UPDATE SET rollout = excluded.rollout,
        error = excluded.error, failed_at_ms = excluded.failed_at_ms
      """, deployment.rawValue, device.rawValue, failure.version.rawValue,
      failure.rollout?.rawValue ?? "", failure.error, failure.failedAt.milliseconds)
    try db.execute(
      """
      UPDATE device_failures SET failed_at_ms = $3
      WHERE deployment = $1 AND device = $2 AND failed_at_ms > $3
      """, deployment.rawValue, device.rawValue, failure.failedAt.milliseconds)
    try db.execute(
      """
      DELETE FROM device_failures WHERE deployment = $1 AND device = $2 AND version IN (
        SELECT version FROM device_failures WHERE deployment = $1 AND device = $2
        ORDER BY failed_at_ms DESC, version DESC LIMIT 1000 OFFSET $3)
      """, deployment.rawValue, device.rawValue, DeviceFailure.maximumKept)
  }

  /// The device runs the version: nothing is wrong with it any more.
  func clear(_ version: VersionID, device: DeviceID, deployment: DeploymentID) throws {
    try db.execute(
      "DELETE FROM device_failures WHERE deployment = $1 AND device = $2 AND version = $3",
      deployment.rawValue, device.rawValue, version.rawValue)
  }

  private static func failure(_ row: Row) throws -> DeviceFailure {
    let rollout = try row.get(1, as: String.self)
    return DeviceFailure(
      version: try row.id(0), rollout: rollout.isEmpty ? nil : RolloutID(rollout),
      error: try row[2], failedAt: try row.time(3))
  }
}
