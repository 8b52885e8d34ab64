extension Migration {
  /// That a device's keys were ended is a state of its own, also of one that never had any. A row without a key was revoked before.
  static let revokedDevices = Migration(
    version: 15, name: "RevokedDevices",
    sql: """
      ALTER TABLE device_credentials ADD COLUMN revoked_at_ms INTEGER;
      UPDATE device_credentials SET revoked_at_ms = COALESCE(claimed_at_ms, 0)
        WHERE current_digest IS NULL;
      """)
}
