extension Migration {
  /// The event log, idempotent requests and the store's own settings.
  static let core = Migration(
    version: 1, name: "Core",
    sql: """
      CREATE TABLE settings (
        name TEXT NOT NULL,
        value BLOB NOT NULL,
        CONSTRAINT settings_pkey PRIMARY KEY (name)
      ) STRICT, WITHOUT ROWID;

      CREATE TABLE events (
        revision INTEGER NOT NULL,
        org TEXT NOT NULL,
        kind TEXT NOT NULL,
        resource_type TEXT NOT NULL,
        resource_id TEXT NOT NULL,
        parent_id TEXT NOT NULL,
        actor TEXT NOT NULL,
        method TEXT NOT NULL,
        request_id TEXT NOT NULL,
        before_digest BLOB NOT NULL,
        after_digest BLOB NOT NULL,
        payload BLOB NOT NULL,
        created_at_ms INTEGER NOT NULL,
        chain_hash BLOB NOT NULL,
        CONSTRAINT events_pkey PRIMARY KEY (revision)
      ) STRICT;
      CREATE INDEX events_org_revision ON events (org, revision);
      CREATE INDEX events_org_resource ON events (org, resource_id, revision);
      CREATE INDEX events_org_parent ON events (org, parent_id, revision) WHERE parent_id <> '';

      CREATE TABLE event_floor (
        id INTEGER NOT NULL,
        revision INTEGER NOT NULL,
        CONSTRAINT event_floor_pkey PRIMARY KEY (id),
        CONSTRAINT event_floor_single CHECK (id = 1)
      ) STRICT;
      INSERT INTO event_floor (id, revision) VALUES (1, 0);

      CREATE TABLE event_anchors (
        org TEXT NOT NULL,
        revision INTEGER NOT NULL,
        chain_hash BLOB NOT NULL,
        CONSTRAINT event_anchors_pkey PRIMARY KEY (org)
      ) STRICT, WITHOUT ROWID;

      CREATE TABLE idempotent_requests (
        org TEXT NOT NULL,
        principal TEXT NOT NULL,
        method TEXT NOT NULL,
        request_id TEXT NOT NULL,
        body_digest BLOB NOT NULL,
        response BLOB NOT NULL,
        revision INTEGER NOT NULL,
        created_at_ms INTEGER NOT NULL,
        CONSTRAINT idempotent_requests_pkey PRIMARY KEY (org, principal, method, request_id)
      ) STRICT, WITHOUT ROWID;
      CREATE INDEX idempotent_requests_created ON idempotent_requests (created_at_ms);
      """)
}
