public import Domain
public import SQL

/// The models of all orgs.
public typealias Models = Rows<Model>

extension Model: Archivable {
  public static let table = Table<Model>("models", unique: ["org", "name"]) {
    $0.column("id", \.id)
    $0.column("org", \.org)
    $0.column("name", \.name)
    $0.column("display_name", \.displayName, .changes)
    $0.column("description", \.description, .changes)
    $0.column("labels", \.labels, .changes)
    $0.column("archived_at_ms", \.archivedAt, .changes)
    $0.column("created_at_ms", \.createdAt)
    $0.column("updated_at_ms", \.updatedAt, .changes)
    $0.column("revision", \.revision, .changes)
  }

  public init(row: inout RowReader) throws {
    self.init(
      id: try row.next(), org: try row.next(), name: try row.next(), displayName: try row.next(),
      description: try row.next(), labels: try row.next(), archivedAt: try row.next(),
      createdAt: try row.next(), updatedAt: try row.next(), revision: try row.next())
  }
}

extension Condition<Model> {
  public static func name(_ name: String) -> Self { Self("name = ?", name, isIndexed: true) }
}
