extension Migration {
  /// When a key was first called with: only one that never was may be lost.
  static let firstUse = Migration(
    version: 16, name: "FirstUse",
    sql: """
      ALTER TABLE api_keys ADD COLUMN first_used_at_ms INTEGER;
      """)
}
