extension Migration {
  /// The secrets of devices: one row a device, however often they are rotated.
  static let deviceCredentials = Migration(
    version: 12, name: "DeviceCredentials",
    sql: """
      CREATE TABLE device_credentials (
        device TEXT NOT NULL,
        org TEXT NOT NULL,
        current_digest BLOB,
        current_hint TEXT,
        current_issued_at_ms INTEGER,
        current_is_used INTEGER NOT NULL DEFAULT 0,
        successor_digest BLOB,
        successor_hint TEXT,
        successor_issued_at_ms INTEGER,
        claimed_at_ms INTEGER,
        CONSTRAINT device_credentials_pkey PRIMARY KEY (device),
        CONSTRAINT device_credentials_device_fkey FOREIGN KEY (device) REFERENCES devices (id),
        CONSTRAINT device_credentials_current CHECK (
          (current_digest IS NULL) = (current_hint IS NULL)
          AND (current_digest IS NULL) = (current_issued_at_ms IS NULL)),
        CONSTRAINT device_credentials_successor CHECK (
          (successor_digest IS NULL) = (successor_hint IS NULL)
          AND (successor_digest IS NULL) = (successor_issued_at_ms IS NULL))
      ) STRICT, WITHOUT ROWID;
      CREATE UNIQUE INDEX device_credentials_current ON device_credentials (current_digest)
        WHERE current_digest IS NOT NULL;
      CREATE UNIQUE INDEX device_credentials_successor ON device_credentials (successor_digest)
        WHERE successor_digest IS NOT NULL;
      """)
}
