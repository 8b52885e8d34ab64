extension Migration {
  /// How often devices were made to number their events anew: what tells a reset from its repeat.
  static let sequenceResets = Migration(
    version: 17, name: "SequenceResets",
    sql: """
      CREATE TABLE sequence_resets (
        device TEXT NOT NULL,
        resets INTEGER NOT NULL,
        CONSTRAINT sequence_resets_pkey PRIMARY KEY (device),
        CONSTRAINT sequence_resets_device_fkey FOREIGN KEY (device) REFERENCES devices (id)
      ) STRICT, WITHOUT ROWID;
      """)
}
