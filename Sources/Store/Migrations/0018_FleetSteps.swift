extension Migration {
  /// What would pass over all deployments of an org, or all members of a group, goes by steps.
  ///
  /// A deployment knows the org's epoch of its last change, so that an index reads what has changed and no more. Members refer to groups
  /// that may be gone: a large group is removed at once, its members afterwards (`removed_device_groups`).
  static let fleetSteps = Migration(
    version: 18, name: "FleetSteps",
    sql: """
      ALTER TABLE deployments ADD COLUMN epoch INTEGER NOT NULL DEFAULT 0;
      CREATE INDEX deployments_org_epoch ON deployments (org, epoch);

      CREATE TABLE device_group_members_before (
        device_group TEXT NOT NULL,
        device TEXT NOT NULL,
        CONSTRAINT device_group_members_before_pkey PRIMARY KEY (device_group, device)
      ) STRICT, WITHOUT ROWID;
      INSERT INTO device_group_members_before (device_group, device)
        SELECT device_group, device FROM device_group_members;
      DROP TABLE device_group_members;
      CREATE TABLE device_group_members (
        device_group TEXT NOT NULL,
        device TEXT NOT NULL,
        CONSTRAINT device_group_members_pkey PRIMARY KEY (device_group, device),
        CONSTRAINT device_group_members_device_fkey FOREIGN KEY (device) REFERENCES devices (id)
      ) STRICT, WITHOUT ROWID;
      INSERT INTO device_group_members (device_group, device)
        SELECT device_group, device FROM device_group_members_before;
      DROP TABLE device_group_members_before;
      CREATE INDEX device_group_members_device ON device_group_members (device, device_group);

      CREATE TABLE removed_device_groups (
        device_group TEXT NOT NULL,
        CONSTRAINT removed_device_groups_pkey PRIMARY KEY (device_group)
      ) STRICT, WITHOUT ROWID;
      """)
}
