extension Migration {
  /// Devices, what they report, and their groups.
  ///
  /// `devices` changes when an operator or the device itself says so; what changes with every call lives in `device_activity`.
  static let devices = Migration(
    version: 4, name: "Devices",
    sql: """
      CREATE TABLE devices (
        id TEXT NOT NULL,
        org TEXT NOT NULL,
        hardware_id TEXT NOT NULL,
        platform INTEGER NOT NULL,
        app_identifier TEXT NOT NULL,
        device_class TEXT NOT NULL,
        labels TEXT NOT NULL,
        registered_at_ms INTEGER NOT NULL,
        revision INTEGER NOT NULL,
        CONSTRAINT devices_pkey PRIMARY KEY (id),
        CONSTRAINT devices_org_hardware_id UNIQUE (org, hardware_id),
        CONSTRAINT devices_org_fkey FOREIGN KEY (org) REFERENCES orgs (id)
      ) STRICT;
      CREATE INDEX devices_org_id ON devices (org, id);
      CREATE INDEX devices_org_app_id ON devices (org, app_identifier, id);

      CREATE TABLE device_labels (
        org TEXT NOT NULL,
        key TEXT NOT NULL,
        value TEXT NOT NULL,
        device TEXT NOT NULL,
        CONSTRAINT device_labels_pkey PRIMARY KEY (org, key, value, device),
        CONSTRAINT device_labels_device_fkey FOREIGN KEY (device) REFERENCES devices (id)
      ) STRICT, WITHOUT ROWID;
      CREATE INDEX device_labels_device ON device_labels (device);

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
        CONSTRAINT device_activity_pkey PRIMARY KEY (device),
        CONSTRAINT device_activity_device_fkey FOREIGN KEY (device) REFERENCES devices (id)
      ) STRICT, WITHOUT ROWID;

      CREATE TABLE device_groups (
        id TEXT NOT NULL,
        org TEXT NOT NULL,
        name TEXT NOT NULL,
        description TEXT NOT NULL,
        device_count INTEGER NOT NULL,
        created_at_ms INTEGER NOT NULL,
        updated_at_ms INTEGER NOT NULL,
        revision INTEGER NOT NULL,
        CONSTRAINT device_groups_pkey PRIMARY KEY (id),
        CONSTRAINT device_groups_org_name UNIQUE (org, name),
        CONSTRAINT device_groups_org_fkey FOREIGN KEY (org) REFERENCES orgs (id)
      ) STRICT;
      CREATE INDEX device_groups_org_id ON device_groups (org, id);

      CREATE TABLE device_group_members (
        device_group TEXT NOT NULL,
        device TEXT NOT NULL,
        CONSTRAINT device_group_members_pkey PRIMARY KEY (device_group, device),
        CONSTRAINT device_group_members_group_fkey
          FOREIGN KEY (device_group) REFERENCES device_groups (id),
        CONSTRAINT device_group_members_device_fkey FOREIGN KEY (device) REFERENCES devices (id)
      ) STRICT, WITHOUT ROWID;
      CREATE INDEX device_group_members_device ON device_group_members (device, device_group);
      """)
}
