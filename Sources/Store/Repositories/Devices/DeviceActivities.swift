public import Domain
internal import SQL

/// What devices did, as sums: for each device, and for each version of a deployment.
public struct DeviceActivities {
  private let db: Connection
  private let damage: TelemetryDamage

  public init(_ transaction: TelemetryTransaction) {
    db = transaction.connection
    damage = transaction.damage
  }

  /// What a device did over its life; nil before its first call was written down.
  public func find(_ device: DeviceID) throws -> DeviceActivity? {
    try db.first(
      """
      SELECT last_seen_at_ms, acknowledged_sequence, latency, downloads_ok, downloads_failed,
        activations_ok, activations_failed, inferences_ok, inferences_failed, sequence_resets
      FROM device_activity WHERE device = $1
      """, device.rawValue
    ) { row in
      let seenAt = try row.time(0)
      return DeviceActivity(
        // A device that was made to number anew before it was ever heard of.
        lastSeenAt: seenAt.milliseconds == 0 ? nil : seenAt, attempts: try row.attempts(from: 3),
        latency: sketch(try row[2], "device \(device)"), acknowledgedSequence: try row[1],
        sequenceResets: try row[9])
    }
  }

  /// When a device was last heard of; nil before its first call was written down.
  func lastSeen(_ device: DeviceID) throws -> Timestamp? {
    try db.first(
      "SELECT last_seen_at_ms FROM device_activity WHERE device = $1", device.rawValue
    ) { row in try row.time(0) }
  }

  /// The highest event number taken from a device; 0 before the first.
  func acknowledgedSequence(of device: DeviceID) throws -> Int64 {
    try db.first(
      "SELECT acknowledged_sequence FROM device_activity WHERE device = $1", device.rawValue
    ) { row in try row.get(0, as: Int64.self) } ?? 0
  }

  /// How often a device has numbered its events anew.
  func sequenceResets(of device: DeviceID) throws -> Int64 {
    try db.first(
      "SELECT sequence_resets FROM device_activity WHERE device = $1", device.rawValue
    ) { row in try row.get(0, as: Int64.self) } ?? 0
  }

  /// The flush that last wrote a device's activity down; 0: none.
  func flush(of device: DeviceID) throws -> Int64 {
    try db.first("SELECT flush FROM device_activity WHERE device = $1", device.rawValue) { row in
      try row.get(0, as: Int64.self)
    } ?? 0
  }

  /// Writes a device's activity down as it now is, in the flush of this number.
  func save(_ activity: DeviceActivity, of device: DeviceID, flush: Int64) throws {
    let attempts = activity.attempts
    try db.execute(
      """
      INSERT INTO device_activity (device, last_seen_at_ms, acknowledged_sequence, latency,
        downloads_ok, downloads_failed, activations_ok, activations_failed, inferences_ok,
        inferences_failed, sequence_resets, flush)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
      ON CONFLICT (device) DO UPDATE SET last_seen_at_ms = excluded.last_seen_at_ms,
        acknowledged_sequence = excluded.acknowledged_sequence, latency = excluded.latency,
        downloads_ok = excluded.downloads_ok, downloads_failed = excluded.downloads_failed,
        activations_ok = excluded.activations_ok,
        activations_failed = excluded.activations_failed,
        inferences_ok = excluded.inferences_ok,
        inferences_failed = excluded.inferences_failed,
        sequence_resets = excluded.sequence_resets, flush = excluded.flush
      """, device.rawValue, activity.lastSeenAt?.milliseconds ?? 0, activity.acknowledgedSequence,
      activity.latency.record, attempts.downloadsSucceeded, attempts.downloadsFailed,
      attempts.activationsSucceeded, attempts.activationsFailed, attempts.inferencesSucceeded,
      attempts.inferencesFailed, activity.sequenceResets, flush)
  }

  /// A stored sketch. One that does not decode costs itself alone: it is told of, and begins anew with the next report.
  private func sketch(_ record: [UInt8], _ owner: String) -> LatencySketch {
    do {
      return try LatencySketch(record: record)
    } catch {
      damage.note("the latencies of \(owner)", error)
      return .empty
    }
  }

  /// What devices did with the newest `limit` versions of a deployment.
  func versions(of deployment: DeploymentID, limit: Int) throws -> [VersionID: VersionActivity] {
    let rows = try db.all(
      """
      SELECT version, latency, downloads_ok, downloads_failed, activations_ok, activations_failed,
        inferences_ok, inferences_failed
      FROM version_activity WHERE deployment = $1 ORDER BY version DESC LIMIT $2
      """, deployment.rawValue, limit
    ) { row in
      let version: VersionID = try row.id(0)
      return (
        version,
        VersionActivity(
          attempts: try row.attempts(from: 2),
          latency: sketch(try row[1], "version \(version) of deployment \(deployment)"))
      )
    }
    return Dictionary(uniqueKeysWithValues: rows)
  }

  /// Adds what devices did with a version to the sums of its deployment.
  public func add(
    _ activity: VersionActivity, deployment: DeploymentID, version: VersionID
  ) throws {
    let known = try db.first(
      """
      SELECT latency, downloads_ok, downloads_failed, activations_ok, activations_failed,
        inferences_ok, inferences_failed
      FROM version_activity WHERE deployment = $1 AND version = $2
      """, deployment.rawValue, version.rawValue
    ) { row in
      VersionActivity(
        attempts: try row.attempts(from: 1),
        latency: sketch(try row[0], "version \(version) of deployment \(deployment)"))
    }
    var sum = known ?? .none
    sum.add(activity)
    let attempts = sum.attempts
    try db.execute(
      """
      INSERT INTO version_activity (deployment, version, latency, downloads_ok, downloads_failed,
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
