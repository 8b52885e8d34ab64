extension Migration {
  /// Lists of devices narrowed by platform or class find their page without passing over the fleet.
  static let deviceLists = Migration(
    version: 6, name: "DeviceLists",
    sql: """
      CREATE INDEX devices_org_platform_id ON devices (org, platform, id);
      CREATE INDEX devices_org_device_class_id ON devices (org, device_class, id);
      """)
}
