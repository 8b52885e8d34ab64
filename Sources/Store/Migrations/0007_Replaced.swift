extension Migration {
  /// What a version replaced when it became active without a rollout: where a rollback goes.
  static let replaced = Migration(
    version: 7, name: "Replaced",
    sql: """
      ALTER TABLE deployments ADD COLUMN replaced_version TEXT;
      """)
}
