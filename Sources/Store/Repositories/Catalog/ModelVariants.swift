public import Domain
public import SQL

/// The variants of all orgs.
public typealias ModelVariants = Rows<ModelVariant>

extension ModelVariant: Archivable {
  public static let table = Table<ModelVariant>("model_variants", unique: ["model", "name"]) {
    $0.column("id", \.id)
    $0.column("org", \.org)
    $0.column("model", \.model)
    $0.column("name", \.name)
    $0.column("capability", \.capability)
    $0.column("platform", \.traits.platform)
    $0.column("device_class", \.traits.deviceClass)
    $0.column("description", \.description, .changes)
    $0.column("labels", \.labels, .changes)
    $0.column("archived_at_ms", \.archivedAt, .changes)
    $0.column("created_at_ms", \.createdAt)
    $0.column("updated_at_ms", \.updatedAt, .changes)
    $0.column("revision", \.revision, .changes)
  }

  public init(row: inout RowReader) throws {
    self.init(
      id: try row.next(), org: try row.next(), model: try row.next(), name: try row.next(),
      capability: try row.next(),
      traits: DeviceTraits(platform: try row.next(), deviceClass: try row.next()),
      description: try row.next(), labels: try row.next(), archivedAt: try row.next(),
      createdAt: try row.next(), updatedAt: try row.next(), revision: try row.next())
  }
}

extension Condition<ModelVariant> {
  public static func model(_ model: ModelID) -> Self { Self("model = ?", model, isIndexed: true) }
  public static func capability(_ name: String) -> Self { Self("capability = ?", name) }
  public static func platform(_ number: Int32) -> Self { Self("platform = ?", number) }
  public static func deviceClass(_ name: String) -> Self { Self("device_class = ?", name) }
  public static func name(_ name: String) -> Self { Self("name = ?", name) }
}
