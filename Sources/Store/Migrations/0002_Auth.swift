extension Migration {
  /// Orgs, principals and API keys.
  static let auth = Migration(
    version: 2, name: "Auth",
    sql: """
      CREATE TABLE orgs (
        id TEXT NOT NULL,
        name TEXT NOT NULL,
        display_name TEXT NOT NULL,
        is_root INTEGER NOT NULL,
        created_at_ms INTEGER NOT NULL,
        updated_at_ms INTEGER NOT NULL,
        revision INTEGER NOT NULL,
        CONSTRAINT orgs_pkey PRIMARY KEY (id),
        CONSTRAINT orgs_name UNIQUE (name)
      ) STRICT;
      CREATE UNIQUE INDEX orgs_root ON orgs (is_root) WHERE is_root = 1;

      CREATE TABLE principals (
        id TEXT NOT NULL,
        org TEXT NOT NULL,
        kind INTEGER NOT NULL,
        name TEXT NOT NULL,
        display_name TEXT NOT NULL,
        roles INTEGER NOT NULL,
        is_disabled INTEGER NOT NULL,
        created_at_ms INTEGER NOT NULL,
        updated_at_ms INTEGER NOT NULL,
        revision INTEGER NOT NULL,
        CONSTRAINT principals_pkey PRIMARY KEY (id),
        CONSTRAINT principals_org_name UNIQUE (org, name),
        CONSTRAINT principals_org_fkey FOREIGN KEY (org) REFERENCES orgs (id)
      ) STRICT;
      CREATE INDEX principals_org_id ON principals (org, id);

      CREATE TABLE api_keys (
        id TEXT NOT NULL,
        org TEXT NOT NULL,
        principal TEXT NOT NULL,
        digest BLOB NOT NULL,
        display_name TEXT NOT NULL,
        hint TEXT NOT NULL,
        created_at_ms INTEGER NOT NULL,
        expires_at_ms INTEGER,
        revoked_at_ms INTEGER,
        revision INTEGER NOT NULL,
        CONSTRAINT api_keys_pkey PRIMARY KEY (id),
        CONSTRAINT api_keys_digest UNIQUE (digest),
        CONSTRAINT api_keys_org_fkey FOREIGN KEY (org) REFERENCES orgs (id),
        CONSTRAINT api_keys_principal_fkey FOREIGN KEY (principal) REFERENCES principals (id)
      ) STRICT;
      CREATE INDEX api_keys_org_id ON api_keys (org, id);
      CREATE INDEX api_keys_principal_id ON api_keys (principal, id);
      """)
}
