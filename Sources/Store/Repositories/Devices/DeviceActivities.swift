public import Domain
internal import SQL

/// What devices did, as sums: for each device, and for each version of a deployment.
public struct DeviceActivities {
  private let db: Connection

  public init(_ transaction: ReadTransaction) { db = transaction.connection }

  /// What a device did over its life; nil before its first call was written down.
  public func find(_ device: DeviceID) throws -> DeviceActivity? {
    try db.first(
      """
      SELECT last_seen_at_ms, acknowledged_sequence, latency, downloads_ok, downloads_failed,
        activations_ok, activations_failed, inferences_ok, inferences_failed
      FROM device_activity WHERE device = $1
      """, device.rawValue
    ) { row in
      DeviceActivity(
        lastSeenAt: try row.time(0), attempts: try row.attempts(from: 3),
        latency: try LatencySketch(record: try row[2]), acknowledgedSequence: try row[1])
    }
  }

  /// The highest event number taken from a device; 0 before the first.
  func acknowledgedSequence(of device: DeviceID) throws -> Int64 {
    try db.first(
      "SELECT acknowledged_sequence FROM device_activity WHERE device = $1", device.rawValue
    ) { row in try row.get(0, as: Int64.self) } ?? 0
  }

  func resetSequence(of device: DeviceID) throws {
    try db.execute(
      "UPDATE device_activity SET acknowledged_sequence = 0 WHERE device = $1", device.rawValue)
  }

  /// Writes a device's activity down as it now is.
  public func save(_ activity: DeviceActivity, of device: DeviceID) throws {
    let attempts = activity.attempts
    try db.execute(
      """
      INSERT INTO device_activity (device, last_seen_at_ms, acknowledged_sequence, latency,
        downloads_ok, downloads_failed, activations_ok, activations_failed, inferences_ok,
        inferences_failed)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
      ON CONFLICT (device) DO UPDATE SET last_seen_at_ms = excluded.last_seen_at_ms,
        acknowledged_sequence = excluded.acknowledged_sequence, latency = excluded.latency,
        downloads_ok = excluded.downloads_ok, downloads_failed = excluded.downloads_failed,
        activations_ok = excluded.activations_ok,
        activations_failed = excluded.activations_failed,
        inferences_ok = excluded.inferences_ok, inferences_failed = excluded.inferences_failed
      """, device.rawValue, activity.lastSeenAt?.milliseconds ?? 0, activity.acknowledgedSequence,
      activity.latency.record, attempts.downloadsSucceeded, attempts.downloadsFailed,
      attempts.activationsSucceeded, attempts.activationsFailed, attempts.inferencesSucceeded,
      attempts.inferencesFailed)
  }

  /// Adds what devices did with a version to the sums of its deployment.
  public func add(
    _ activity: VersionActivity, deployment: DeploymentID, version: VersionID
  ) throws {
    let known = try db.first(
      """
      SELECT latency, downloads_ok, downloads_failed, activations_ok, activations_failed,
        inferences_ok, inferences_failed
      FROM version_health WHERE deployment = $1 AND version = $2
      """, deployment.rawValue, version.rawValue
    ) { row in
      VersionActivity(
        attempts: try row.attempts(from: 1), latency: try LatencySketch(record: try row[0]))
    }
    var sum = known ?? .none
    sum.add(activity)
    let attempts = sum.attempts
    try db.execute(
      """
      INSERT INTO version_health (deployment, version, latency, downloads_ok, downloads_failed,
        activations_ok, activations_failed, inferences_ok, inferences_failed)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
      ON CONFLICT (deployment, version) DO UPDATE SET latency = excluded.latency,
        downloads_ok = excluded.downloads_ok, downloads_failed = excluded.downloads_failed,
        activations_ok = excluded.activations_ok,
        activations_failed = excluded.activations_failed,
        inferences_ok = excluded.inferences_ok, inferences_failed = excluded.inferences_failed
      """, deployment.rawValue, version.rawValue, sum.latency.record,
      attempts.downloadsSucceeded, attempts.downloadsFailed, attempts.activationsSucceeded,
      attempts.activationsFailed, attempts.inferencesSucceeded, attempts.inferencesFailed)
  }
}

extension Row {
  /// Six columns of attempts: downloads, activations, inferences, each ok and failed.
  func attempts(from column: Int) throws(SQLError) -> AttemptCounts {
    AttemptCounts(
      downloadsSucceeded: try self[column], downloadsFailed: try self[column + 1],
      activationsSucceeded: try self[column + 2], activationsFailed: try self[column + 3],
      inferencesSucceeded: try self[column + 4], inferencesFailed: try self[column + 5])
  }
}
