extension Migration {
  /// A stored answer may be the error of a mutation that was carried out.
  static let refusals = Migration(
    version: 10, name: "Refusals",
    sql: """
      ALTER TABLE idempotent_requests ADD COLUMN is_refusal INTEGER NOT NULL DEFAULT 0;
      """)
}
