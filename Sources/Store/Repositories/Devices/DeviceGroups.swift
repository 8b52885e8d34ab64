public import Domain
public import SQL

/// The device groups of all orgs, and their members.
public typealias DeviceGroups = Rows<DeviceGroup>

extension DeviceGroup: Dated {
  public static let table = Table<DeviceGroup>("device_groups", unique: ["org", "name"]) {
    $0.column("id", \.id)
    $0.column("org", \.org)
    $0.column("name", \.name, .changes)
    $0.column("description", \.description, .changes)
    $0.column("device_count", \.deviceCount, .changes)
    $0.column("created_at_ms", \.createdAt)
    $0.column("updated_at_ms", \.updatedAt, .changes)
    $0.column("revision", \.revision, .changes)
  }

  public init(row: inout RowReader) throws {
    let (id, org): (GroupID, OrgID) = (try row.next(), try row.next())
    let (name, description): (String, String) = (try row.next(), try row.next())
    let count: Int = try row.next()
    self.init(
      id: id, org: org, createdAt: try row.next(), name: name, description: description,
      deviceCount: count, updatedAt: try row.next(), revision: try row.next())
  }

  /// Removes the memberships of a group; the devices stay. Those of a large one go step by step, afterwards.
  public static func removeRest(of id: GroupID, _ db: Connection) throws {
    guard try removeMembers(of: id, limit: Housekeeping.sweepStep, db) == Housekeeping.sweepStep
    else { return }
    try db.execute("INSERT INTO removed_device_groups (device_group) VALUES ($1)", id)
  }

  /// Removes members of groups that are gone, at most `limit`; returns how many.
  static func sweepMembers(limit: Int, _ db: Connection) throws -> Int {
    let gone: GroupID? = try db.first(
      "SELECT device_group FROM removed_device_groups ORDER BY device_group LIMIT 1"
    ) { row in try row.id(0) }
    guard let gone else { return 0 }
    let removed = try removeMembers(of: gone, limit: limit, db)
    if removed == limit { return removed }
    try db.execute("DELETE FROM removed_device_groups WHERE device_group = $1", gone)
    // There may be others.
    return try removed + sweepMembers(limit: limit - removed, db)
  }

  private static func removeMembers(of id: GroupID, limit: Int, _ db: Connection) throws -> Int {
    try db.execute(
      """
      DELETE FROM device_group_members WHERE device_group = $1 AND device IN
        (SELECT device FROM device_group_members WHERE device_group = $1 LIMIT $2)
      """, id, limit)
  }
}

extension Condition<DeviceGroup> {
  public static func name(_ name: String) -> Self { Self("name = ?", name, isIndexed: true) }
}

extension Rows<DeviceGroup> {
  /// Adds a member; false when it was one already. That the device is of the same org is for the caller to check.
  public func add(_ device: DeviceID, to group: GroupID) throws -> Bool {
    try db.execute(
      """
      INSERT INTO device_group_members (device_group, device) VALUES ($1, $2)
      ON CONFLICT (device_group, device) DO NOTHING
      """, group, device) > 0
  }

  public func contains(_ device: DeviceID, in group: GroupID) throws -> Bool {
    try db.first(
      "SELECT 1 FROM device_group_members WHERE device_group = $1 AND device = $2",
      group, device
    ) { _ in true } ?? false
  }

  /// Removes a member; false when it was none.
  public func remove(_ device: DeviceID, from group: GroupID) throws -> Bool {
    try db.execute(
      "DELETE FROM device_group_members WHERE device_group = $1 AND device = $2", group, device)
      > 0
  }
}
