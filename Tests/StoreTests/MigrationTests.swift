import Domain
import SQL
import Testing

@testable import Store

@Suite struct MigrationTests {
  private let table = Migration(
    version: 1_000, name: "Table", sql: "CREATE TABLE things (id TEXT NOT NULL) STRICT;")

  private func open(_ path: String, _ migrations: [Migration]) throws(StoreError) -> Store {
    try Store.open(path, StoreConfiguration(), migrations: migrations) { $0 }
  }

  private func withFolder(_ body: (String) throws -> Void) throws {
    let path = TemporaryStore.folder()
    defer { TemporaryStore.remove(path) }
    try body(path)
  }

  @Test func `the shipped migrations are numbered, named and unique`() {
    #expect(Set(Migrations.all.map(\.version)).count == Migrations.all.count)
    #expect(Set(Migrations.all.map(\.name)).count == Migrations.all.count)
    #expect(Migrations.all.map(\.version) == Migrations.all.map(\.version).sorted())
  }

  @Test func `every shipped table is strict and every constraint named`() throws {
    try withFolder { path in
      let store = try open(path, Migrations.all)
      defer { store.close() }
      let tables = try store.read { db in
        try db.connection.all(
          "SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        ) { row in (try row.get(0, as: String.self), try row.get(1, as: String.self)) }
      }
      #expect(tables.count >= 6)
      for (name, sql) in tables {
        let tail = sql.drop { $0 != "(" }.reversed().prefix { $0 != ")" }
        #expect(String(tail.reversed()).contains("STRICT"), "\(name)")
        #expect(!sql.contains("DEFERRABLE"), "\(name)")
      }
    }
  }

  @Test func `missing migrations are applied once, whatever the order they were landed in`() throws
  {
    try withFolder { path in
      try open(path, [.core, table]).close()
      let between = Migration(
        version: 500, name: "Between", sql: "CREATE TABLE between_things (id TEXT) STRICT;")
      let store = try open(path, [.core, between, table])
      defer { store.close() }
      let versions = try store.read { db in
        try db.connection.all("SELECT version FROM schema_migrations ORDER BY version") {
          try $0.get(0, as: Int.self)
        }
      }
      #expect(versions == [1, 500, 1_000])
    }
  }

  @Test func `a database newer than the binary is refused, naming both versions`() throws {
    try withFolder { path in
      try open(path, [.core, table]).close()
      #expect(throws: StoreError.newerDatabase(found: 1_000, supported: 1)) {
        try open(path, [.core])
      }
      #expect(
        StoreError.newerDatabase(found: 1_000, supported: 1).description
          == "the database has schema version 1000, this binary supports up to 1")
      try open(path, [.core, table]).close()
    }
  }

  @Test func `an applied migration that was edited is refused`() throws {
    try withFolder { path in
      try open(path, [.core, table]).close()
      let edited = Migration(version: 1_000, name: "Table", sql: table.sql + " ")
      #expect(throws: StoreError.changedMigration(version: 1_000, name: "Table")) {
        try open(path, [.core, edited])
      }
    }
  }

  @Test func `what was rolled back before is withdrawn, and outcomes are told from counts`() throws
  {
    try withFolder { path in
      let before = try open(path, Migrations.all.filter { $0.version < 11 })
      let connection = try Connection(SQLiteEngine(path: path + "/rollcall.db"), .readWrite)
      try connection.runScript(
        """
        INSERT INTO orgs VALUES ('o', 'o', '', 1, 1, 1, 1);
        INSERT INTO models VALUES ('m', 'o', 'm', '', '', '', NULL, 1, 1, 1);
        INSERT INTO model_variants VALUES ('x', 'o', 'm', 'x', 'c', 0, '', '', '', NULL, 1, 1, 1);
        INSERT INTO deployments (id, org, name, description, labels, environment, state, target,
            model, variant, desired_version, active_version, selector, current_rollout,
            rollout_count, created_by, created_at_ms, updated_at_ms, revision)
          VALUES ('d', 'o', 'eyes', '', '', 'STAGING', 'ACTIVE', 'FLEET', 'm', 'x', 'v1', 'v1',
              x'', 'r', 1, 'p', 1, 1, 1),
            ('e', 'o', 'eyes', '', '', 'STAGING', 'ACTIVE', 'FLEET', 'm', 'x', 'v2', 'v2', x'',
              's', 1, 'p', 1, 1, 1);
        INSERT INTO rollouts VALUES
          ('r', 'o', 'd', 1, 'v1', 'v2', 'a', x'', 'ROLLED_BACK', '', 0, 1, NULL, x'', 1, 2, 3, 1),
          ('s', 'o', 'e', 1, 'v1', 'v2', 'a', x'', 'PROGRESSING', '', 1, 1, NULL, x'', 1, 2, NULL, 1);
        INSERT INTO rollout_devices VALUES ('s', 'a', 'CANARY', 1, 1, 20, 1, 0, 0),
          ('s', 'b', 'CANARY', 0, 0, 0, 1, 0, 0);
        """)
      connection.close()
      before.close()

      let store = try open(path, Migrations.all)
      defer { store.close() }
      let (withdrawn, windows) = try store.read { db in
        (
          try db.connection.all("SELECT withdrawn_versions FROM deployments ORDER BY id") { row in
            try row.get(0, as: String.self)
          },
          try db.connection.all("SELECT window_start_ms FROM rollouts ORDER BY id") { row in
            try row.get(0, as: Int64.self)
          }
        )
      }
      let outcomes = try store.telemetry.read { reports in
        try reports.connection.all(
          "SELECT last_download, last_activation FROM rollout_devices ORDER BY device"
        ) { row in [try row.get(0, as: Int64?.self), try row.get(1, as: Int64?.self)] }
      }
      #expect(withdrawn == ["v2", ""])
      #expect(windows == [2, 2])
      #expect(outcomes == [[0, 1], [nil, 0]])
    }
  }

  @Test func `a database of before deployments had kinds of targets keeps its deployments`() throws
  {
    try withFolder { path in
      let before = try open(path, Migrations.all.filter { $0.version < 9 })
      let sql = """
        INSERT INTO orgs VALUES ('o', 'o', '', 1, 1, 1, 1);
        INSERT INTO models VALUES ('m', 'o', 'm', '', '', '', NULL, 1, 1, 1);
        INSERT INTO model_variants VALUES ('x', 'o', 'm', 'x', 'c', 0, '', '', '', NULL, 1, 1, 1);
        INSERT INTO devices VALUES ('v', 'o', 'hw', 5, '', '', '', 1, 1);
        INSERT INTO deployments (id, org, model, variant, name, description, labels, environment,
            state, desired_version, active_version, selector, policy, current_rollout,
            rollout_count, pin_count, created_by, created_at_ms, started_at_ms, ended_at_ms,
            updated_at_ms, revision, replaced_version)
          VALUES ('d', 'o', 'm', 'x', 'eyes', 'two', '', 'PRODUCTION', 'ACTIVE', 'v2', 'v1',
            x'SELECTOR', NULL, 'r', 3, 1, 'p', 4, 5, NULL, 6, 7, 'v0');
        INSERT INTO rollouts VALUES ('r', 'o', 'd', 3, 'v1', 'v2', 's', x'', 'PROGRESSING', '', 1,
          1, NULL, x'', 1, 1, NULL, 7);
        INSERT INTO device_pins VALUES ('d', 'v', 'CANARY', NULL, 'why', 'p', 1);
        INSERT INTO installations VALUES ('v', 'd', 'v1', 2, '', 'v1', 1);
        """
      let selector = Self.hex(Selector.everything.record)
      let connection = try Connection(SQLiteEngine(path: path + "/rollcall.db"), .readWrite)
      try connection.runScript(sql.replacing("SELECTOR", with: selector))
      connection.close()
      before.close()

      let store = try open(path, Migrations.all)
      defer { store.close() }
      let deployment = try #require(
        try store.read { try Deployments($0).find(DeploymentID("d"), org: OrgID("o")) })
      #expect(
        deployment
          == Deployment(
            id: DeploymentID("d"), org: OrgID("o"), createdBy: "p",
            createdAt: Timestamp(milliseconds: 4), name: "eyes", description: "two",
            environment: .production, state: .active,
            target: .fleet(
              FleetTarget(
                model: ModelID("m"), variant: VariantID("x"), desiredVersion: VersionID("v2"),
                activeVersion: VersionID("v1"), replacedVersion: VersionID("v0"))),
            currentRollout: RolloutID("r"), rolloutCount: 3,
            startedAt: Timestamp(milliseconds: 5), updatedAt: Timestamp(milliseconds: 6),
            revision: 7))
      let (pins, broken) = try store.read { db in
        (
          try Deployments(db).governing(org: OrgID("o")).map(\.pinCount),
          try db.connection.all("PRAGMA foreign_key_check") { try $0.get(0, as: String.self) }
        )
      }
      #expect(pins == [1])
      #expect(broken == [])
    }
  }

  @Test func `what an opening would change is told before, and telling changes nothing`() throws {
    let path = TemporaryStore.folder()
    defer { TemporaryStore.remove(path) }
    let older = Array(Migrations.all.dropLast())
    try open(path, older).close()
    let last = try #require(Migrations.all.last)
    for _ in 0..<2 {
      #expect(try Store.missingMigrations(path) == ["\(last.version) \(last.name)"])
    }
    try open(path, Migrations.all).close()
    #expect(try Store.missingMigrations(path) == [])
  }

  @Test func `a database of before the telemetry had its own hands it over`() async throws {
    let path = TemporaryStore.folder()
    defer { TemporaryStore.remove(path) }
    let latency = Self.hex(try Self.sketch().record)
    // What a server of before left: its schema and rows, and no second database.
    let engine = SQLiteEngine(path: path + "/rollcall.db")
    let connection = try Connection(engine, .readWrite)
    try Migrations.apply(
      Migrations.all.filter { $0.version < Migration.telemetryApart.version }, to: connection,
      now: 1)
    try connection.runScript(
      """
      INSERT INTO orgs VALUES ('o', 'o', '', 1, 1, 1, 1);
      INSERT INTO devices VALUES ('v', 'o', 'hw', 5, '', '', '', 1, 1);
      INSERT INTO device_activity VALUES ('v', 7, 42, 1, 2, 3, 4, 5, 6, x'\(latency)');
      INSERT INTO version_health VALUES ('d', 'v1', 0, 3, 1, 1, 2, 3, 4, 5, 6, x'\(latency)');
      INSERT INTO rollout_devices (rollout, device, arm, downloads_ok, downloads_failed,
          activations_ok, activations_failed, inferences_ok, inferences_failed)
        VALUES ('r', 'v', 'CANARY', 1, 2, 3, 4, 5, 6);
      INSERT INTO rollout_arms (rollout, arm, error_reporting, error_failing,
          download_reporting, download_failing, downloads_ok, downloads_failed, activations_ok,
          activations_failed, inferences_ok, inferences_failed)
        VALUES ('r', 'CANARY', 9, 8, 7, 6, 1, 2, 3, 4, 5, 6);
      INSERT INTO device_failures VALUES ('d', 'v', 'v1', 'r', 'no disk', 5);
      """)
    connection.close()
    for round in 0..<2 {
      let store = try open(path, Migrations.all)
      let attempts = AttemptCounts(
        downloadsSucceeded: 1, downloadsFailed: 2, activationsSucceeded: 3, activationsFailed: 4,
        inferencesSucceeded: 5, inferencesFailed: 6)
      let (device, arms, failures) = try store.telemetry.read { tx in
        (
          try DeviceActivities(tx).find(DeviceID("v")),
          try RolloutHealth(tx).arms(of: RolloutID("r"), window: 0),
          try DeviceFailures(tx).of(DeviceID("v"), deployment: DeploymentID("d"))
        )
      }
      #expect(
        device
          == DeviceActivity(
            lastSeenAt: Timestamp(milliseconds: 7), attempts: attempts,
            latency: try Self.sketch(), acknowledgedSequence: 42), "\(round)")
      #expect(
        arms.canary.errorRate == DeviceCounts(reporting: 1, failing: 1), "counted from the devices")
      #expect(failures.map(\.error) == ["no disk"])
      let versions = try store.read {
        try VersionTallies($0, store.telemetry).of(DeploymentID("d"))
      }
      #expect(versions.map(\.installedDevices) == [3] && versions.map(\.failedDevices) == [1])
      #expect(versions.first?.activity.attempts == attempts)
      // What a new report adds goes where the old ones went.
      if round == 0 {
        let taken = try FleetActivity(store).take(
          DeviceID("v"), numbers: [42], now: Timestamp(milliseconds: 7)
        ) { _ in .nothing }
        #expect(taken.accepted == 0 && taken.acknowledged == 42)
        try await taken.isOnDisk()
      }
      store.close()
    }
  }

  private static func sketch() throws -> LatencySketch {
    var sketch = LatencySketch()
    try sketch.add(3, toBucket: 7)
    return sketch
  }

  private static func hex(_ bytes: [UInt8]) -> String {
    bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
  }

  @Test func `a migration that fails in the middle leaves nothing behind`() throws {
    try withFolder { path in
      let broken = Migration(
        version: 2, name: "Broken", sql: "CREATE TABLE half (id TEXT) STRICT; CREATE TABLE (;")
      #expect {
        try open(path, [.core, broken])
      } throws: { error in
        guard case .failure = error as? StoreError else { return false }
        return true
      }
      let store = try open(path, [.core])
      defer { store.close() }
      let half = try store.read { db in
        try db.connection.first("SELECT count(*) FROM sqlite_schema WHERE name = 'half'") {
          try $0.get(0, as: Int.self)
        }
      }
      #expect(half == 0)
    }
  }
}
