extension Migration {
  /// Finds out whether any version refers to an artifact's bytes.
  static let artifactReferences = Migration(
    version: 8, name: "ArtifactReferences",
    sql: """
      CREATE INDEX model_versions_sha256 ON model_versions (artifact_sha256)
        WHERE artifact_sha256 IS NOT NULL;
      """)
}
