extension Migration {
  /// Deployments, rollouts, pins, and what devices report about them.
  ///
  /// No assignment is stored: a rollout's salt and exposure say who is in its cohort.
  static let deployments = Migration(
    version: 5, name: "Deployments",
    sql: """
      CREATE TABLE deployments (
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
        selector BLOB NOT NULL,
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
        CONSTRAINT deployments_variant_fkey FOREIGN KEY (variant) REFERENCES model_variants (id)
      ) STRICT;
      CREATE INDEX deployments_org_id ON deployments (org, id);
      CREATE INDEX deployments_org_variant_id ON deployments (org, variant, id);
      CREATE INDEX deployments_org_model_id ON deployments (org, model, id);
      CREATE INDEX deployments_org_governing ON deployments (org, id)
        WHERE state IN ('ACTIVE', 'PAUSED', 'FAILED');

      CREATE TABLE deployment_epochs (
        org TEXT NOT NULL,
        epoch INTEGER NOT NULL,
        CONSTRAINT deployment_epochs_pkey PRIMARY KEY (org)
      ) STRICT, WITHOUT ROWID;

      CREATE TABLE rollouts (
        id TEXT NOT NULL,
        org TEXT NOT NULL,
        deployment TEXT NOT NULL,
        number INTEGER NOT NULL,
        from_version TEXT,
        to_version TEXT NOT NULL,
        salt TEXT NOT NULL,
        policy BLOB NOT NULL,
        state TEXT NOT NULL,
        state_reason TEXT NOT NULL,
        exposure INTEGER NOT NULL,
        exposure_changed_at_ms INTEGER NOT NULL,
        next_advance_at_ms INTEGER,
        verdicts BLOB NOT NULL,
        created_at_ms INTEGER NOT NULL,
        started_at_ms INTEGER,
        ended_at_ms INTEGER,
        revision INTEGER NOT NULL,
        CONSTRAINT rollouts_pkey PRIMARY KEY (id),
        CONSTRAINT rollouts_deployment_number UNIQUE (deployment, number),
        CONSTRAINT rollouts_deployment_fkey FOREIGN KEY (deployment) REFERENCES deployments (id),
        CONSTRAINT rollouts_exposure CHECK (exposure BETWEEN 0 AND 1000000)
      ) STRICT;
      CREATE INDEX rollouts_deployment_id ON rollouts (deployment, id);
      CREATE INDEX rollouts_progressing ON rollouts (id) WHERE state = 'PROGRESSING';

      CREATE TABLE device_pins (
        deployment TEXT NOT NULL,
        device TEXT NOT NULL,
        kind TEXT NOT NULL,
        version TEXT,
        reason TEXT NOT NULL,
        created_by TEXT NOT NULL,
        created_at_ms INTEGER NOT NULL,
        CONSTRAINT device_pins_pkey PRIMARY KEY (deployment, device),
        CONSTRAINT device_pins_deployment_fkey FOREIGN KEY (deployment) REFERENCES deployments (id),
        CONSTRAINT device_pins_device_fkey FOREIGN KEY (device) REFERENCES devices (id),
        CONSTRAINT device_pins_version CHECK ((kind = 'VERSION') = (version IS NOT NULL))
      ) STRICT, WITHOUT ROWID;
      CREATE INDEX device_pins_device ON device_pins (device);

      CREATE TABLE installations (
        device TEXT NOT NULL,
        deployment TEXT NOT NULL,
        version TEXT NOT NULL,
        state INTEGER NOT NULL,
        error TEXT NOT NULL,
        running TEXT,
        changed_at_ms INTEGER NOT NULL,
        CONSTRAINT installations_pkey PRIMARY KEY (device, deployment),
        CONSTRAINT installations_device_fkey FOREIGN KEY (device) REFERENCES devices (id),
        CONSTRAINT installations_deployment_fkey FOREIGN KEY (deployment) REFERENCES deployments (id)
      ) STRICT, WITHOUT ROWID;
      CREATE INDEX installations_running ON installations (running, device);

      CREATE TABLE version_health (
        deployment TEXT NOT NULL,
        version TEXT NOT NULL,
        downloading_devices INTEGER NOT NULL DEFAULT 0,
        installed_devices INTEGER NOT NULL DEFAULT 0,
        failed_devices INTEGER NOT NULL DEFAULT 0,
        downloads_ok INTEGER NOT NULL DEFAULT 0,
        downloads_failed INTEGER NOT NULL DEFAULT 0,
        activations_ok INTEGER NOT NULL DEFAULT 0,
        activations_failed INTEGER NOT NULL DEFAULT 0,
        inferences_ok INTEGER NOT NULL DEFAULT 0,
        inferences_failed INTEGER NOT NULL DEFAULT 0,
        latency BLOB NOT NULL DEFAULT x'',
        CONSTRAINT version_health_pkey PRIMARY KEY (deployment, version)
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
        CONSTRAINT rollout_arms_pkey PRIMARY KEY (rollout, arm)
      ) STRICT, WITHOUT ROWID;
      """)
}
