extension Migration {
  /// Lists within a parent are bounded by the parent: its index begins with the org, as every list does.
  static let listIndexes = Migration(
    version: 13, name: "ListIndexes",
    sql: """
      DROP INDEX model_variants_model_id;
      CREATE INDEX model_variants_org_model_id ON model_variants (org, model, id);
      DROP INDEX model_versions_variant_id;
      CREATE INDEX model_versions_org_variant_id ON model_versions (org, variant, id);
      DROP INDEX model_versions_model_id;
      CREATE INDEX model_versions_org_model_id ON model_versions (org, model, id);
      DROP INDEX api_keys_principal_id;
      CREATE INDEX api_keys_org_principal_id ON api_keys (org, principal, id);
      """)
}
