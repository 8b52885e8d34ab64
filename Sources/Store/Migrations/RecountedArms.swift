extension Migration {
  /// The sides of rollouts counted by the rule that has judged devices since the control plane's migration 11.
  ///
  /// Until then a device's activations and inferences were judged together, since then a failed last activation alone makes a device
  /// failing. What was counted by the old rule and moved by the new one came out wrong, below zero even.
  static let recountedArms = Migration(version: 3, name: "RecountedArms", sql: recountArms)

  /// Counts the sides of rollouts from the devices that are kept of them.
  ///
  /// The rules are those of ``Domain/DeviceStanding/verdict(of:)`` and, for devices that told nothing since the gates began anew,
  /// ``Domain/DeviceStanding/forgiven``. Rollouts that are over and whose devices are forgotten keep their sums, none below zero.
  /// From 10 % on is from a ninth of what succeeded on.
  static let recountArms = """
    CREATE TABLE recounted_arms (
      rollout TEXT NOT NULL,
      arm TEXT NOT NULL,
      error_reporting INTEGER NOT NULL,
      error_failing INTEGER NOT NULL,
      download_reporting INTEGER NOT NULL,
      download_failing INTEGER NOT NULL,
      CONSTRAINT recounted_arms_pkey PRIMARY KEY (rollout, arm)
    ) STRICT, WITHOUT ROWID;
    INSERT INTO recounted_arms (rollout, arm, error_reporting, error_failing, download_reporting,
        download_failing)
      SELECT rollout, arm,
        sum(CASE WHEN error = 'HEALTHY' OR (error = 'FAILING' AND is_new = 1) THEN 1 ELSE 0 END),
        sum(CASE WHEN error = 'FAILING' AND is_new = 1 THEN 1 ELSE 0 END),
        sum(CASE WHEN download = 'HEALTHY' OR (download = 'FAILING' AND is_new = 1)
          THEN 1 ELSE 0 END),
        sum(CASE WHEN download = 'FAILING' AND is_new = 1 THEN 1 ELSE 0 END)
      FROM (
        SELECT arms.rollout AS rollout, arms.arm AS arm,
          CASE WHEN devices.gate_window >= arms.gate_window THEN 1 ELSE 0 END AS is_new,
          CASE
            WHEN devices.last_activation = 0 THEN 'FAILING'
            WHEN devices.inferences_failed > devices.inferences_ok / 9
              OR (devices.inferences_failed > 0 AND devices.inferences_ok % 9 = 0
                AND devices.inferences_failed = devices.inferences_ok / 9) THEN 'FAILING'
            WHEN devices.inferences_ok > 0 OR devices.last_activation = 1
              OR devices.inferences_failed > 0 THEN 'HEALTHY'
            ELSE 'SILENT' END AS error,
          CASE
            WHEN devices.last_download = 0 THEN 'FAILING'
            WHEN devices.last_download = 1 THEN 'HEALTHY'
            ELSE 'SILENT' END AS download
        FROM rollout_arms AS arms
        LEFT JOIN rollout_devices AS devices
          ON devices.rollout = arms.rollout AND devices.arm = arms.arm
        WHERE arms.rollout IN (SELECT rollout FROM rollout_devices)
      ) AS verdicts
      GROUP BY rollout, arm;
    UPDATE rollout_arms SET
      error_reporting = recounted_arms.error_reporting,
      error_failing = recounted_arms.error_failing,
      download_reporting = recounted_arms.download_reporting,
      download_failing = recounted_arms.download_failing
      FROM recounted_arms
      WHERE recounted_arms.rollout = rollout_arms.rollout
        AND recounted_arms.arm = rollout_arms.arm;
    UPDATE rollout_arms SET error_failing = 0 WHERE error_failing < 0;
    UPDATE rollout_arms SET download_failing = 0 WHERE download_failing < 0;
    DROP TABLE recounted_arms;
    """
}
