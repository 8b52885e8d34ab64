extension Migration {
  /// What gates count since a resume, devices' last outcomes, errors that outlive a rollback, and what a rollback took back.
  ///
  /// Names are looked up and kept apart by an index that is not unique: a database may hold equal ones from before.
  static let keptFailures = Migration(
    version: 11, name: "KeptFailures",
    sql: """
      CREATE INDEX deployments_org_name ON deployments (org, name, id);
      ALTER TABLE deployments ADD COLUMN withdrawn_versions TEXT NOT NULL DEFAULT '';
      UPDATE deployments SET withdrawn_versions =
        (SELECT to_version FROM rollouts WHERE id = current_rollout)
      WHERE current_rollout IN (SELECT id FROM rollouts WHERE state = 'ROLLED_BACK')
        AND active_version IS DISTINCT FROM (SELECT to_version FROM rollouts WHERE id = current_rollout);

      ALTER TABLE rollouts ADD COLUMN gate_window INTEGER NOT NULL DEFAULT 0;
      ALTER TABLE rollouts ADD COLUMN window_start_ms INTEGER;
      UPDATE rollouts SET window_start_ms = started_at_ms;
      CREATE INDEX rollouts_standing ON rollouts (deployment, number) WHERE state <> 'ABORTED';

      ALTER TABLE rollout_arms ADD COLUMN gate_window INTEGER NOT NULL DEFAULT 0;
      ALTER TABLE rollout_devices ADD COLUMN gate_window INTEGER NOT NULL DEFAULT 0;
      ALTER TABLE rollout_devices ADD COLUMN last_download INTEGER;
      ALTER TABLE rollout_devices ADD COLUMN last_activation INTEGER;
      UPDATE rollout_devices SET
        last_download = CASE WHEN downloads_ok + downloads_failed = 0 THEN NULL
          WHEN downloads_failed * 10 >= downloads_ok + downloads_failed THEN 0 ELSE 1 END,
        last_activation = CASE WHEN activations_ok + activations_failed = 0 THEN NULL
          WHEN activations_failed * 10 >= activations_ok + activations_failed THEN 0 ELSE 1 END;

      CREATE TABLE device_failures (
        deployment TEXT NOT NULL,
        device TEXT NOT NULL,
        version TEXT NOT NULL,
        rollout TEXT NOT NULL,
        error TEXT NOT NULL,
        failed_at_ms INTEGER NOT NULL,
        CONSTRAINT device_failures_pkey PRIMARY KEY (deployment, device, version)
      ) STRICT, WITHOUT ROWID;
      """)
}
