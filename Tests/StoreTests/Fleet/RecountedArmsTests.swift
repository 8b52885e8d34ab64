import Domain
import SQL
import Testing

@testable import Store

@Suite struct RecountedArmsTests {
  private struct Kept {
    let standing: DeviceStanding
    let window: Int64
    let arm: Assignment.Arm
  }

  private static func insert(_ kept: [Kept], _ rollout: String, _ db: Connection) throws {
    func stored(_ outcome: Bool?) -> Int64? { outcome.map { $0 ? 1 : 0 } }
    for (index, device) in kept.enumerated() {
      let attempts = device.standing.attempts
      try db.execute(
        """
        INSERT INTO rollout_devices (rollout, device, arm, downloads_ok, downloads_failed,
          activations_ok, activations_failed, inferences_ok, inferences_failed, gate_window,
          last_download, last_activation)
        VALUES ($1, $2, $3, 0, 0, 0, 0, $4, $5, $6, $7, $8)
        """, rollout, "d\(index)", device.arm.rawValue, attempts.inferencesSucceeded,
        attempts.inferencesFailed, device.window, stored(device.standing.latest.download),
        stored(device.standing.latest.activation))
    }
  }

  private static func insert(
    _ counts: DeviceCounts, _ arm: Assignment.Arm, _ rollout: String, window: Int64,
    _ db: Connection
  ) throws {
    try db.execute(
      """
      INSERT INTO rollout_arms (rollout, arm, error_reporting, error_failing, download_reporting,
        download_failing, downloads_ok, downloads_failed, activations_ok, activations_failed,
        inferences_ok, inferences_failed, gate_window)
      VALUES ($1, $2, $3, $4, $3, $4, 1, 2, 3, 4, 5, 6, $5)
      """, rollout, arm.rawValue, counts.reporting, counts.failing, window)
  }

  /// The control plane's database is older than the rule that judges, as a server left it behind: the counts are those of the old one.
  @Test func `sides are counted anew by the rule that judges devices now`() async throws {
    let temporary = try TemporaryStore()
    let store = temporary.store
    let outcomes: [Bool?] = [nil, false, true]
    let inferences: [(Int64, Int64)] = [
      (0, 0), (0, 1), (9, 1), (10, 1), (100, 0), (.max, 1), (.max, .max), (8, 1), (18, 2),
      (19, 2),
    ]
    var kept: [Kept] = []
    for download in outcomes {
      for activation in outcomes {
        for (succeeded, failed) in inferences {
          for window in 0..<3 as Range<Int64> {
            kept.append(
              Kept(
                standing: DeviceStanding(
                  attempts: AttemptCounts(
                    inferencesSucceeded: succeeded, inferencesFailed: failed),
                  latest: LatestOutcomes(download: download, activation: activation)),
                window: window, arm: kept.count % 3 == 0 ? .control : .canary))
          }
        }
      }
    }
    let devices = kept
    let wrong = DeviceCounts(reporting: 4, failing: -2)
    try await store.telemetry.write { tx in
      let db = tx.connection
      try Self.insert(devices, "r", db)
      for arm in Assignment.Arm.allCases {
        try Self.insert(wrong, arm, "r", window: 1, db)
        try Self.insert(wrong, arm, "swept", window: 0, db)
        try Self.insert(wrong, arm, "moved", window: 0, db)
      }
      try Self.insert(
        [Kept(standing: devices[0].standing, window: 0, arm: .canary)], "moved", db)
      try db.runScript(Migration.recountArms)
    }
    let (found, swept, moved) = try store.telemetry.read {
      let health = RolloutHealth($0)
      return (
        try health.arms(of: RolloutID("r"), window: 1),
        try health.arms(of: RolloutID("swept"), window: 0),
        try health.arms(of: RolloutID("moved"), window: 0)
      )
    }
    for (arm, health) in [(Assignment.Arm.canary, found.canary), (.control, found.control)] {
      var expected = ArmHealth.zero
      for device in kept where device.arm == arm {
        expected.move(
          from: .none, to: device.window < 1 ? device.standing.forgiven : device.standing)
      }
      #expect(health.errorRate == expected.errorRate)
      #expect(health.downloadFailures == expected.downloadFailures)
      #expect(health.attempts.inferencesFailed == 6, "sums stay")
    }
    #expect(swept.canary.errorRate == DeviceCounts(reporting: 4, failing: 0))
    #expect(moved.control.errorRate == .zero, "nobody is left there")
  }

  @Test
  func `a device that leaves counts which lack it makes none of them negative, and is told of`()
    async throws
  {
    var configuration = StoreConfiguration()
    let told = Monitor<[String]>([])
    configuration.onDamage = { what in told.withLock { $0.append(what) } }
    let temporary = try TemporaryStore(configuration)
    let rollout = RolloutID("r")
    let failing = DeviceStanding(latest: LatestOutcomes(activation: false))
    try await temporary.store.telemetry.write { tx in
      try Self.insert(
        [Kept(standing: failing, window: 0, arm: .canary)], "r", tx.connection)
      try Self.insert(.init(reporting: 1, failing: 0), .canary, "r", window: 0, tx.connection)
      try RolloutHealth(tx).record(
        [
          .init(
            device: DeviceID("d0"), arm: .canary, isMove: true,
            standing: DeviceStanding(latest: LatestOutcomes(activation: true)))
        ], rollout: rollout, window: 0)
    }
    let arms = try temporary.store.telemetry.read {
      try RolloutHealth($0).arms(of: rollout, window: 0)
    }
    #expect(arms.canary.errorRate == DeviceCounts(reporting: 1, failing: 0))
    #expect(
      told.withLock { $0 } == [
        "the device counts of CANARY in rollout r: a device left them that they did not count"
      ])
  }
}
