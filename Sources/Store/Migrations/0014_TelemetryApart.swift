extension Migration {
  /// What devices report has moved to a database of its own (``TelemetryMigrations/takeOver(from:_:)``). How many devices run what stays:
  /// it changes with the installations, in their transaction.
  static let telemetryApart = Migration(
    version: 14, name: "TelemetryApart",
    sql: """
      CREATE TABLE version_devices (
        deployment TEXT NOT NULL,
        version TEXT NOT NULL,
        downloading_devices INTEGER NOT NULL DEFAULT 0,
        installed_devices INTEGER NOT NULL DEFAULT 0,
        failed_devices INTEGER NOT NULL DEFAULT 0,
        CONSTRAINT version_devices_pkey PRIMARY KEY (deployment, version)
      ) STRICT, WITHOUT ROWID;
      INSERT INTO version_devices (deployment, version, downloading_devices, installed_devices,
          failed_devices)
        SELECT deployment, version, downloading_devices, installed_devices, failed_devices
        FROM version_health
        WHERE downloading_devices <> 0 OR installed_devices <> 0 OR failed_devices <> 0;
      DROP TABLE version_health;
      DROP TABLE device_activity;
      DROP TABLE rollout_devices;
      DROP TABLE rollout_arms;
      DROP TABLE device_failures;
      """)
}
