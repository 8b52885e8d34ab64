public import Domain
internal import SQL

/// How the two arms of rollouts fare: counts of devices that gates judge, kept current report by report.
public struct RolloutHealth {
  /// What one device attempted on one arm since it was last written down.
  struct Report {
    var device: DeviceID
    var arm: Assignment.Arm
    var attempts: AttemptCounts
  }

  private let db: Connection

  public init(_ transaction: ReadTransaction) { db = transaction.connection }

  /// Both arms of a rollout: one read by key, whatever the fleet's size.
  public func arms(of rollout: RolloutID) throws -> (canary: ArmHealth, control: ArmHealth) {
    var arms: [Assignment.Arm: ArmHealth] = [:]
    try db.each(
      """
      SELECT arm, error_reporting, error_failing, download_reporting, download_failing,
        downloads_ok, downloads_failed, activations_ok, activations_failed, inferences_ok,
        inferences_failed
      FROM rollout_arms WHERE rollout = $1
      """, rollout.rawValue
    ) { row in
      arms[try row.raw(0)] = ArmHealth(
        errorRate: DeviceCounts(reporting: try row[1], failing: try row[2]),
        downloadFailures: DeviceCounts(reporting: try row[3], failing: try row[4]),
        attempts: try row.attempts(from: 5))
      return true
    }
    return (arms[.canary] ?? .zero, arms[.control] ?? .zero)
  }

  /// Adds what devices attempted, and moves the device counts of the arms accordingly.
  func record(_ reports: [Report], rollout: RolloutID) throws {
    guard !reports.isEmpty else { return }
    var (canary, control) = try arms(of: rollout)
    for report in reports {
      let before = try attempts(of: report.device, report.arm, rollout)
      try save(before + report.attempts, of: report.device, report.arm, rollout)
      switch report.arm {
      case .canary: canary.record(from: before, adding: report.attempts)
      case .control: control.record(from: before, adding: report.attempts)
      }
    }
    try save(canary, .canary, rollout)
    try save(control, .control, rollout)
  }

  private func attempts(
    of device: DeviceID, _ arm: Assignment.Arm, _ rollout: RolloutID
  ) throws -> AttemptCounts {
    try db.first(
      """
      SELECT downloads_ok, downloads_failed, activations_ok, activations_failed, inferences_ok,
        inferences_failed
      FROM rollout_devices WHERE rollout = $1 AND device = $2 AND arm = $3
      """, rollout.rawValue, device.rawValue, arm.rawValue
    ) { row in try row.attempts(from: 0) } ?? .zero
  }

  private func save(
    _ attempts: AttemptCounts, of device: DeviceID, _ arm: Assignment.Arm, _ rollout: RolloutID
  ) throws {
    try db.execute(
      """
      INSERT INTO rollout_devices (rollout, device, arm, downloads_ok, downloads_failed,
        activations_ok, activations_failed, inferences_ok, inferences_failed)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
      ON CONFLICT (rollout, device, arm) DO UPDATE SET downloads_ok = excluded.downloads_ok,
        downloads_failed = excluded.downloads_failed, activations_ok = excluded.activations_ok,
        activations_failed = excluded.activations_failed, inferences_ok = excluded.inferences_ok,
        inferences_failed = excluded.inferences_failed
      """, rollout.rawValue, device.rawValue, arm.rawValue, attempts.downloadsSucceeded,
      attempts.downloadsFailed, attempts.activationsSucceeded, attempts.activationsFailed,
      attempts.inferencesSucceeded, attempts.inferencesFailed)
  }

  private func save(
    _ health: ArmHealth, _ arm: Assignment.Arm, _ rollout: RolloutID
  ) throws {
    let attempts = health.attempts
    try db.execute(
      """
      INSERT INTO rollout_arms (rollout, arm, error_reporting, error_failing, download_reporting,
        download_failing, downloads_ok, downloads_failed, activations_ok, activations_failed,
        inferences_ok, inferences_failed)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
      ON CONFLICT (rollout, arm) DO UPDATE SET error_reporting = excluded.error_reporting,
        error_failing = excluded.error_failing,
        download_reporting = excluded.download_reporting,
        download_failing = excluded.download_failing, downloads_ok = excluded.downloads_ok,
        downloads_failed = excluded.downloads_failed, activations_ok = excluded.activations_ok,
        activations_failed = excluded.activations_failed, inferences_ok = excluded.inferences_ok,
        inferences_failed = excluded.inferences_failed
      """, rollout.rawValue, arm.rawValue, health.errorRate.reporting, health.errorRate.failing,
      health.downloadFailures.reporting, health.downloadFailures.failing,
      attempts.downloadsSucceeded, attempts.downloadsFailed, attempts.activationsSucceeded,
      attempts.activationsFailed, attempts.inferencesSucceeded, attempts.inferencesFailed)
  }
}
