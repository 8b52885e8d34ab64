extension Migration {
  /// Models, variants and versions. An artifact is known by its digest; its bytes are a file.
  static let catalog = Migration(
    version: 3, name: "Catalog",
    sql: """
      CREATE TABLE models (
        id TEXT NOT NULL,
        org TEXT NOT NULL,
        name TEXT NOT NULL,
        display_name TEXT NOT NULL,
        description TEXT NOT NULL,
        labels TEXT NOT NULL,
        archived_at_ms INTEGER,
        created_at_ms INTEGER NOT NULL,
        updated_at_ms INTEGER NOT NULL,
        revision INTEGER NOT NULL,
        CONSTRAINT models_pkey PRIMARY KEY (id),
        CONSTRAINT models_org_name UNIQUE (org, name),
        CONSTRAINT models_org_fkey FOREIGN KEY (org) REFERENCES orgs (id)
      ) STRICT;
      CREATE INDEX models_org_id ON models (org, id);

      CREATE TABLE model_variants (
        id TEXT NOT NULL,
        org TEXT NOT NULL,
        model TEXT NOT NULL,
        name TEXT NOT NULL,
        capability TEXT NOT NULL,
        platform INTEGER NOT NULL,
        device_class TEXT NOT NULL,
        description TEXT NOT NULL,
        labels TEXT NOT NULL,
        archived_at_ms INTEGER,
        created_at_ms INTEGER NOT NULL,
        updated_at_ms INTEGER NOT NULL,
        revision INTEGER NOT NULL,
        CONSTRAINT model_variants_pkey PRIMARY KEY (id),
        CONSTRAINT model_variants_model_name UNIQUE (model, name),
        CONSTRAINT model_variants_model_fkey FOREIGN KEY (model) REFERENCES models (id)
      ) STRICT;
      CREATE INDEX model_variants_org_id ON model_variants (org, id);
      CREATE INDEX model_variants_model_id ON model_variants (model, id);

      CREATE TABLE model_versions (
        id TEXT NOT NULL,
        org TEXT NOT NULL,
        model TEXT NOT NULL,
        variant TEXT NOT NULL,
        name TEXT NOT NULL,
        description TEXT NOT NULL,
        labels TEXT NOT NULL,
        artifact_sha256 TEXT,
        artifact_size INTEGER,
        artifact_media_type TEXT,
        archived_at_ms INTEGER,
        created_by TEXT NOT NULL,
        created_at_ms INTEGER NOT NULL,
        updated_at_ms INTEGER NOT NULL,
        revision INTEGER NOT NULL,
        CONSTRAINT model_versions_pkey PRIMARY KEY (id),
        CONSTRAINT model_versions_variant_name UNIQUE (variant, name),
        CONSTRAINT model_versions_variant_fkey FOREIGN KEY (variant) REFERENCES model_variants (id),
        CONSTRAINT model_versions_artifact CHECK (
          (artifact_sha256 IS NULL) = (artifact_size IS NULL)
          AND (artifact_sha256 IS NULL) = (artifact_media_type IS NULL))
      ) STRICT;
      CREATE INDEX model_versions_org_id ON model_versions (org, id);
      CREATE INDEX model_versions_variant_id ON model_versions (variant, id);
      CREATE INDEX model_versions_model_id ON model_versions (model, id);
      CREATE INDEX model_versions_org_sha256 ON model_versions (org, artifact_sha256)
        WHERE artifact_sha256 IS NOT NULL;
      """)
}
