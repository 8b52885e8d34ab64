extension Migration {
  /// A deployment's target has a kind; what belongs to one kind alone is absent in the others.
  ///
  /// The table is made anew, because SQLite cannot take NOT NULL from a column. References to it are checked when the step ends.
  static let deploymentTargets = Migration(
    version: 9, name: "DeploymentTargets",
    sql: """
      PRAGMA defer_foreign_keys = ON;
      CREATE TABLE deployments_before (
        id TEXT NOT NULL,
        org TEXT NOT NULL,
        model TEXT NOT NULL,
        variant TEXT NOT NULL,
        name TEXT NOT NULL,
        description TEXT NOT NULL,
        labels TEXT NOT NULL,
        environment TEXT NOT NULL,
        state TEXT NOT NULL,
        desired_version TEXT,
        active_version TEXT,
        replaced_version TEXT,
        selector BLOB NOT NULL,
        policy BLOB,
        current_rollout TEXT,
        rollout_count INTEGER NOT NULL,
        pin_count INTEGER NOT NULL,
        created_by TEXT NOT NULL,
        created_at_ms INTEGER NOT NULL,
        started_at_ms INTEGER,
        ended_at_ms INTEGER,
        updated_at_ms INTEGER NOT NULL,
        revision INTEGER NOT NULL,
        CONSTRAINT deployments_before_pkey PRIMARY KEY (id)
      ) STRICT;
      INSERT INTO deployments_before (id, org, model, variant, name, description, labels,
          environment, state, desired_version, active_version, replaced_version, selector, policy,
          current_rollout, rollout_count, pin_count, created_by, created_at_ms, started_at_ms,
          ended_at_ms, updated_at_ms, revision)
        SELECT id, org, model, variant, name, description, labels, environment, state,
          desired_version, active_version, replaced_version, selector, policy, current_rollout,
          rollout_count, pin_count, created_by, created_at_ms, started_at_ms, ended_at_ms,
          updated_at_ms, revision
        FROM deployments;
      DROP TABLE deployments;

      CREATE TABLE deployments (
        id TEXT NOT NULL,
        org TEXT NOT NULL,
        name TEXT NOT NULL,
        description TEXT NOT NULL,
        labels TEXT NOT NULL,
        environment TEXT NOT NULL,
        state TEXT NOT NULL,
        target TEXT NOT NULL,
        model TEXT,
        variant TEXT,
        desired_version TEXT,
        active_version TEXT,
        replaced_version TEXT,
        selector BLOB,
        policy BLOB,
        current_rollout TEXT,
        rollout_count INTEGER NOT NULL,
        pin_count INTEGER NOT NULL DEFAULT 0,
        created_by TEXT NOT NULL,
        created_at_ms INTEGER NOT NULL,
        started_at_ms INTEGER,
        ended_at_ms INTEGER,
        updated_at_ms INTEGER NOT NULL,
        revision INTEGER NOT NULL,
        CONSTRAINT deployments_pkey PRIMARY KEY (id),
        CONSTRAINT deployments_org_fkey FOREIGN KEY (org) REFERENCES orgs (id),
        CONSTRAINT deployments_variant_fkey FOREIGN KEY (variant) REFERENCES model_variants (id),
        CONSTRAINT deployments_fleet CHECK (target <> 'FLEET'
          OR (model IS NOT NULL AND variant IS NOT NULL AND selector IS NOT NULL))
      ) STRICT;
      INSERT INTO deployments (id, org, name, description, labels, environment, state, target,
          model, variant, desired_version, active_version, replaced_version, selector, policy,
          current_rollout, rollout_count, pin_count, created_by, created_at_ms, started_at_ms,
          ended_at_ms, updated_at_ms, revision)
        SELECT id, org, name, description, labels, environment, state, 'FLEET', model, variant,
          desired_version, active_version, replaced_version, selector, policy, current_rollout,
          rollout_count, pin_count, created_by, created_at_ms, started_at_ms, ended_at_ms,
          updated_at_ms, revision
        FROM deployments_before;
      DROP TABLE deployments_before;
      CREATE INDEX deployments_org_id ON deployments (org, id);
      CREATE INDEX deployments_org_variant_id ON deployments (org, variant, id);
      CREATE INDEX deployments_org_model_id ON deployments (org, model, id);
      CREATE INDEX deployments_org_governing ON deployments (org, id)
        WHERE target = 'FLEET' AND state IN ('ACTIVE', 'PAUSED', 'FAILED');
      """)
}
