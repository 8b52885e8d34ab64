public import Domain
public import SQL

/// The orgs.
public typealias Orgs = Rows<Org>

extension Org: Dated {
  /// An org belongs to itself.
  public static let table = Table<Org>("orgs", scope: "id", unique: ["name"]) {
    $0.column("id", \.id)
    $0.column("name", \.name)
    $0.column("display_name", \.displayName, .changes)
    $0.column("is_root", \.isRoot)
    $0.column("created_at_ms", \.createdAt)
    $0.column("updated_at_ms", \.updatedAt, .changes)
    $0.column("revision", \.revision, .changes)
  }
  fileprivate static let root = table.select("WHERE is_root = 1")
  fileprivate static let byName = table.select("WHERE name = $1")

  public init(row: inout RowReader) throws {
    self.init(
      id: try row.next(), name: try row.next(), displayName: try row.next(),
      isRoot: try row.next(), createdAt: try row.next(), updatedAt: try row.next(),
      revision: try row.next())
  }

  public var org: OrgID { id }
}

extension Rows<Org> {
  /// The org of an id.
  public func find(_ id: OrgID) throws -> Org? { try find(id, org: id) }

  /// The org of a name.
  public func find(name: String) throws -> Org? { try first(Org.byName, name) }

  /// The org created at first start; nil before.
  public func root() throws -> Org? { try first(Org.root) }
}
