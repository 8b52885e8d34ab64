public import Domain
internal import SQL

/// How the two arms of rollouts fare: counts of devices that gates judge, kept current report by report.
public struct RolloutHealth {
  /// What one device did on one arm since it was last written down.
  struct Report {
    var device: DeviceID
    var arm: Assignment.Arm
    /// Whether the device leaves the other arm for this one, if it was there.
    var isMove: Bool
    var standing: DeviceStanding
  }

  private let db: Connection
  private let damage: TelemetryDamage

  public init(_ transaction: TelemetryTransaction) {
    db = transaction.connection
    damage = transaction.damage
  }

  /// Both arms of a rollout, as far as its gates count now: one read by key, whatever the fleet's size.
  public func arms(of rollout: RolloutID, window: Int64) throws -> (
    canary: ArmHealth, control: ArmHealth
  ) {
    let stored = try arms(of: rollout)
    return stored.window < window
      ? (stored.canary.forgiven, stored.control.forgiven) : (stored.canary, stored.control)
  }

  private func arms(of rollout: RolloutID) throws -> (
    canary: ArmHealth, control: ArmHealth, window: Int64
  ) {
    var arms: [Assignment.Arm: ArmHealth] = [:]
    var window: Int64 = 0
    try db.each(
      """
      SELECT arm, error_reporting, error_failing, download_reporting, download_failing,
        downloads_ok, downloads_failed, activations_ok, activations_failed, inferences_ok,
        inferences_failed, gate_window
      FROM rollout_arms WHERE rollout = $1
      """, rollout.rawValue
    ) { row in
      arms[try row.raw(0)] = ArmHealth(
        errorRate: DeviceCounts(reporting: try row[1], failing: try row[2]),
        downloadFailures: DeviceCounts(reporting: try row[3], failing: try row[4]),
        attempts: try row.attempts(from: 5))
      window = max(window, try row[11])
      return true
    }
    return (arms[.canary] ?? .zero, arms[.control] ?? .zero, window)
  }

  /// The next rollout, by id, that single devices are kept of.
  public func rollout(after: RolloutID?) throws -> RolloutID? {
    try db.first(
      "SELECT rollout FROM rollout_devices WHERE rollout > $1 ORDER BY rollout LIMIT 1",
      after?.rawValue ?? ""
    ) { row in try row.id(0) }
  }

  /// Forgets single devices of a rollout, at most `limit`; returns how many.
  public func forgetDevices(of rollout: RolloutID, limit: Int) throws -> Int {
    try db.execute(
      """
      DELETE FROM rollout_devices WHERE rollout = $1 AND (device, arm) IN
        (SELECT device, arm FROM rollout_devices WHERE rollout = $1 LIMIT $2)
      """, rollout.rawValue, limit)
  }

  /// Adds what devices did, and moves the device counts of the arms accordingly.
  ///
  /// `window` is the one in which they did it. In the first reports of a new one the arms begin anew; reports of one that is over
  /// are left out.
  func record(_ reports: [Report], rollout: RolloutID, window: Int64) throws {
    guard !reports.isEmpty else { return }
    let stored = try arms(of: rollout)
    guard window >= stored.window else { return }
    var arms: [Assignment.Arm: ArmHealth] = [.canary: stored.canary, .control: stored.control]
    if window > stored.window { arms = arms.mapValues(\.forgiven) }
    var isNews = false
    for report in reports {
      let known = try standings(of: report.device, rollout, window: window)
      let before = known[report.arm] ?? .none
      var after = before
      after.add(report.standing)
      after.latest.runs = false
      guard after != before else { continue }
      isNews = true
      move(rollout, report.arm, &arms, from: before, to: after)
      arms[report.arm, default: .zero].attempts =
        arms[report.arm, default: .zero].attempts + report.standing.attempts
      try save(after, of: report.device, report.arm, rollout, window: window)
      let other: Assignment.Arm = report.arm == .canary ? .control : .canary
      if report.isMove, let left = known[other] {
        move(rollout, other, &arms, from: left, to: .none)
        try remove(report.device, other, rollout)
      }
    }
    guard isNews else { return }
    try save(arms[.canary] ?? .zero, .canary, rollout, window: window)
    try save(arms[.control] ?? .zero, .control, rollout, window: window)
  }

  /// Moves a device. Counts that it was not among are told of: nobody would see it in what gates say.
  private func move(
    _ rollout: RolloutID, _ arm: Assignment.Arm, _ arms: inout [Assignment.Arm: ArmHealth],
    from before: DeviceStanding, to after: DeviceStanding
  ) {
    guard !arms[arm, default: .zero].move(from: before, to: after) else { return }
    damage.note(
      "the device counts of \(arm.rawValue) in rollout \(rollout)",
      StoreError.failure("a device left them that they did not count"))
  }

  /// How a device stands on the arms it counts on; what is of an earlier window is forgiven.
  private func standings(
    of device: DeviceID, _ rollout: RolloutID, window: Int64
  ) throws -> [Assignment.Arm: DeviceStanding] {
    var standings: [Assignment.Arm: DeviceStanding] = [:]
    try db.each(
      """
      SELECT arm, gate_window, last_download, last_activation, downloads_ok, downloads_failed,
        activations_ok, activations_failed, inferences_ok, inferences_failed
      FROM rollout_devices WHERE rollout = $1 AND device = $2
      """, rollout.rawValue, device.rawValue
    ) { row in
      let standing = DeviceStanding(
        attempts: try row.attempts(from: 4),
        latest: LatestOutcomes(
          download: try row.get(2, as: Int64?.self).map { $0 == 1 },
          activation: try row.get(3, as: Int64?.self).map { $0 == 1 }))
      standings[try row.raw(0)] =
        try row.get(1, as: Int64.self) < window ? standing.forgiven : standing
      return true
    }
    return standings
  }

  private func remove(_ device: DeviceID, _ arm: Assignment.Arm, _ rollout: RolloutID) throws {
    try db.execute(
      "DELETE FROM rollout_devices WHERE rollout = $1 AND device = $2 AND arm = $3",
      rollout.rawValue, device.rawValue, arm.rawValue)
  }

  private func save(
    _ standing: DeviceStanding, of device: DeviceID, _ arm: Assignment.Arm, _ rollout: RolloutID,
    window: Int64
  ) throws {
    let (attempts, latest) = (standing.attempts, standing.latest)
    func stored(_ outcome: Bool?) -> Int64? { outcome.map { $0 ? 1 : 0 } }
    try db.execute(
      """
      INSERT INTO rollout_devices (rollout, device, arm, downloads_ok, downloads_failed,
        activations_ok, activations_failed, inferences_ok, inferences_failed, gate_window,
        last_download, last_activation)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
      ON CONFLICT (rollout, device, arm) DO UPDATE SET downloads_ok = excluded.downloads_ok,
        downloads_failed = excluded.downloads_failed, activations_ok = excluded.activations_ok,
        activations_failed = excluded.activations_failed, inferences_ok = excluded.inferences_ok,
        inferences_failed = excluded.inferences_failed, gate_window = excluded.gate_window,
        last_download = excluded.last_download, last_activation = excluded.last_activation
      """, rollout.rawValue, device.rawValue, arm.rawValue, attempts.downloadsSucceeded,
      attempts.downloadsFailed, attempts.activationsSucceeded, attempts.activationsFailed,
      attempts.inferencesSucceeded, attempts.inferencesFailed, window, stored(latest.download),
      stored(latest.activation))
  }

  private func save(
    _ health: ArmHealth, _ arm: Assignment.Arm, _ rollout: RolloutID, window: Int64
  ) throws {
    let attempts = health.attempts
    try db.execute(
      """
      INSERT INTO rollout_arms (rollout, arm, error_reporting, error_failing, download_reporting,
        download_failing, downloads_ok, downloads_failed, activations_ok, activations_failed,
        inferences_ok, inferences_failed, gate_window)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
      ON CONFLICT (rollout, arm) DO UPDATE SET error_reporting = excluded.error_reporting,
        error_failing = excluded.error_failing,
        download_reporting = excluded.download_reporting,
        download_failing = excluded.download_failing, downloads_ok = excluded.downloads_ok,
        downloads_failed = excluded.downloads_failed, activations_ok = excluded.activations_ok,
        activations_failed = excluded.activations_failed, inferences_ok = excluded.inferences_ok,
        inferences_failed = excluded.inferences_failed, gate_window = excluded.gate_window
      """, rollout.rawValue, arm.rawValue, health.errorRate.reporting, health.errorRate.failing,
      health.downloadFailures.reporting, health.downloadFailures.failing,
      attempts.downloadsSucceeded, attempts.downloadsFailed, attempts.activationsSucceeded,
      attempts.activationsFailed, attempts.inferencesSucceeded, attempts.inferencesFailed,
      window)
  }
}
