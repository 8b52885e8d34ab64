public import Domain
public import SQL

/// The principals of all orgs.
public typealias Principals = Rows<Principal>

extension Principal: Dated {
  public static let table = Table<Principal>("principals", unique: ["org", "name"]) {
    $0.column("id", \.id)
    $0.column("org", \.org)
    $0.column("kind", \.kind.rawValue)
    $0.column("name", \.name)
    $0.column("display_name", \.displayName, .changes)
    $0.column("roles", \.roles.rawValue, .changes)
    $0.column("is_disabled", \.isDisabled, .changes)
    $0.column("created_at_ms", \.createdAt)
    $0.column("updated_at_ms", \.updatedAt, .changes)
    $0.column("revision", \.revision, .changes)
  }
  fileprivate static let byName = table.select("WHERE org = $1 AND name = $2")

  public init(row: inout RowReader) throws {
    self.init(
      id: try row.next(), org: try row.next(), kind: try row.raw(), name: try row.next(),
      displayName: try row.next(), roles: try row.raw(), isDisabled: try row.next(),
      createdAt: try row.next(), updatedAt: try row.next(), revision: try row.next())
  }
}

extension Condition<Principal> {
  /// Those that hold one of some roles.
  public static func roles(_ roles: Roles) -> Self { Self("roles & ? <> 0", roles.rawValue) }
  public static func kind(_ kind: Principal.Kind) -> Self { Self("kind = ?", kind.rawValue) }
}

extension Rows<Principal> {
  public func find(name: String, org: OrgID) throws -> Principal? {
    try first(Principal.byName, org, name)
  }
}
