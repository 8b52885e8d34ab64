internal import SQL

/// The schema of the telemetry database, with numbers of its own.
enum TelemetryMigrations {
  static let all: [Migration] = [.reports, .countedResets, .recountedArms, .flushes]

  /// Takes what the control plane's database at `path` holds of telemetry over, before that forgets it (``Migration/telemetryApart``).
  ///
  /// Whoever calls has seen that the control plane's database still holds it, so that nothing newer can be here: doing it again after an
  /// interruption does no harm.
  static func takeOver(from path: String, _ db: Connection) throws(SQLError) {
    try db.execute("ATTACH DATABASE $1 AS control", path)
    do {
      try db.runScript(
        """
        BEGIN IMMEDIATE;
        DELETE FROM device_activity;
        INSERT INTO device_activity (device, last_seen_at_ms, acknowledged_sequence, downloads_ok,
            downloads_failed, activations_ok, activations_failed, inferences_ok,
            inferences_failed, latency)
          SELECT device, last_seen_at_ms, acknowledged_sequence, downloads_ok, downloads_failed,
            activations_ok, activations_failed, inferences_ok, inferences_failed, latency
          FROM control.device_activity;
        DELETE FROM version_activity;
        INSERT INTO version_activity (deployment, version, downloads_ok, downloads_failed,
            activations_ok, activations_failed, inferences_ok, inferences_failed, latency)
          SELECT deployment, version, downloads_ok, downloads_failed, activations_ok,
            activations_failed, inferences_ok, inferences_failed, latency
          FROM control.version_health;
        DELETE FROM rollout_devices;
        INSERT INTO rollout_devices (rollout, device, arm, downloads_ok, downloads_failed,
            activations_ok, activations_failed, inferences_ok, inferences_failed, gate_window,
            last_download, last_activation)
          SELECT rollout, device, arm, downloads_ok, downloads_failed, activations_ok,
            activations_failed, inferences_ok, inferences_failed, gate_window, last_download,
            last_activation
          FROM control.rollout_devices;
        DELETE FROM rollout_arms;
        INSERT INTO rollout_arms (rollout, arm, error_reporting, error_failing,
            download_reporting, download_failing, downloads_ok, downloads_failed, activations_ok,
            activations_failed, inferences_ok, inferences_failed, gate_window)
          SELECT rollout, arm, error_reporting, error_failing, download_reporting,
            download_failing, downloads_ok, downloads_failed, activations_ok, activations_failed,
            inferences_ok, inferences_failed, gate_window
          FROM control.rollout_arms;
        DELETE FROM device_failures;
        INSERT INTO device_failures (deployment, device, version, rollout, error, failed_at_ms)
          SELECT deployment, device, version, rollout, error, failed_at_ms
          FROM control.device_failures;
        \(Migration.recountArms)
        COMMIT;
        """)
    } catch {
      if db.isInTransaction { try db.runScript("ROLLBACK") }
      throw error
    }
    try db.execute("DETACH DATABASE control")
  }
}

extension Migration {
  /// What devices report, as sums: by device, by version of a deployment, by arm of a rollout.
  static let reports = Migration(
    version: 1, name: "Reports",
    sql: """
      CREATE TABLE device_activity (
        device TEXT NOT NULL,
        last_seen_at_ms INTEGER NOT NULL,
        acknowledged_sequence INTEGER NOT NULL,
        downloads_ok INTEGER NOT NULL,
        downloads_failed INTEGER NOT NULL,
        activations_ok INTEGER NOT NULL,
        activations_failed INTEGER NOT NULL,
        inferences_ok INTEGER NOT NULL,
        inferences_failed INTEGER NOT NULL,
        latency BLOB NOT NULL,
        CONSTRAINT device_activity_pkey PRIMARY KEY (device)
      ) STRICT, WITHOUT ROWID;

      CREATE TABLE version_activity (
        deployment TEXT NOT NULL,
        version TEXT NOT NULL,
        downloads_ok INTEGER NOT NULL,
        downloads_failed INTEGER NOT NULL,
        activations_ok INTEGER NOT NULL,
        activations_failed INTEGER NOT NULL,
        inferences_ok INTEGER NOT NULL,
        inferences_failed INTEGER NOT NULL,
        latency BLOB NOT NULL,
        CONSTRAINT version_activity_pkey PRIMARY KEY (deployment, version)
      ) STRICT, WITHOUT ROWID;

      CREATE TABLE rollout_devices (
        rollout TEXT NOT NULL,
        device TEXT NOT NULL,
        arm TEXT NOT NULL,
        downloads_ok INTEGER NOT NULL,
        downloads_failed INTEGER NOT NULL,
        activations_ok INTEGER NOT NULL,
        activations_failed INTEGER NOT NULL,
        inferences_ok INTEGER NOT NULL,
        inferences_failed INTEGER NOT NULL,
        gate_window INTEGER NOT NULL,
        last_download INTEGER,
        last_activation INTEGER,
        CONSTRAINT rollout_devices_pkey PRIMARY KEY (rollout, device, arm)
      ) STRICT, WITHOUT ROWID;

      CREATE TABLE rollout_arms (
        rollout TEXT NOT NULL,
        arm TEXT NOT NULL,
        error_reporting INTEGER NOT NULL,
        error_failing INTEGER NOT NULL,
        download_reporting INTEGER NOT NULL,
        download_failing INTEGER NOT NULL,
        downloads_ok INTEGER NOT NULL,
        downloads_failed INTEGER NOT NULL,
        activations_ok INTEGER NOT NULL,
        activations_failed INTEGER NOT NULL,
        inferences_ok INTEGER NOT NULL,
        inferences_failed INTEGER NOT NULL,
        gate_window INTEGER NOT NULL,
        CONSTRAINT rollout_arms_pkey PRIMARY KEY (rollout, arm)
      ) STRICT, WITHOUT ROWID;

      CREATE TABLE device_failures (
        deployment TEXT NOT NULL,
        device TEXT NOT NULL,
        version TEXT NOT NULL,
        rollout TEXT NOT NULL,
        error TEXT NOT NULL,
        failed_at_ms INTEGER NOT NULL,
        CONSTRAINT device_failures_pkey PRIMARY KEY (deployment, device, version)
      ) STRICT, WITHOUT ROWID;
      """)
}

extension Migration {
  /// Up to which of its resets a device's event numbers are: an older one that comes again does nothing.
  static let countedResets = Migration(
    version: 2, name: "CountedResets",
    sql: """
      ALTER TABLE device_activity ADD COLUMN sequence_resets INTEGER NOT NULL DEFAULT 0;
      """)
}

extension Migration {
  /// Which flush last wrote what a device reported: what tells whether something that is on its way has arrived.
  static let flushes = Migration(
    version: 4, name: "Flushes",
    sql: """
      ALTER TABLE device_activity ADD COLUMN flush INTEGER NOT NULL DEFAULT 0;
      """)
}
