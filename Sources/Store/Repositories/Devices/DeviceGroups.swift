public import Domain
internal import SQL

/// The device groups of all orgs and their members; every method is scoped to one org.
public struct DeviceGroups {
  private let db: Connection

  public init(_ transaction: ReadTransaction) { db = transaction.connection }

  public func find(_ id: GroupID, org: OrgID) throws -> DeviceGroup? {
    try db.first(
      """
      SELECT id, org, name, description, device_count, created_at_ms, updated_at_ms, revision
      FROM device_groups WHERE id = $1 AND org = $2
      """, id.rawValue, org.rawValue, map: Self.group)
  }

  public func find(name: String, org: OrgID) throws -> DeviceGroup? {
    try db.first(
      """
      SELECT id, org, name, description, device_count, created_at_ms, updated_at_ms, revision
      FROM device_groups WHERE org = $1 AND name = $2
      """, org.rawValue, name, map: Self.group)
  }

  public func list(_ page: Page, org: OrgID, name: String? = nil) throws -> Listing<DeviceGroup> {
    var query = ListQuery(
      "id, org, name, description, device_count, created_at_ms, updated_at_ms, revision",
      from: "device_groups")
    query.filter("org = ?", org.rawValue)
    if let name { query.filter("name = ?", name) }
    return try query.listing(page, in: db, id: \.id.rawValue, map: Self.group)
  }

  public func insert(_ group: DeviceGroup) throws {
    try db.execute(
      """
      INSERT INTO device_groups (id, org, name, description, device_count, created_at_ms,
        updated_at_ms, revision)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
      """, group.id.rawValue, group.org.rawValue, group.name, group.description,
      group.deviceCount, group.createdAt.milliseconds, group.updatedAt.milliseconds,
      group.revision)
  }

  /// Stores what may change, the count of members included.
  public func update(_ group: DeviceGroup) throws {
    try db.execute(
      """
      UPDATE device_groups SET name = $3, description = $4, device_count = $5, updated_at_ms = $6,
        revision = $7
      WHERE id = $1 AND org = $2
      """, group.id.rawValue, group.org.rawValue, group.name, group.description,
      group.deviceCount, group.updatedAt.milliseconds, group.revision)
  }

  /// Deletes a group and its memberships; the devices stay.
  public func delete(_ id: GroupID, org: OrgID) throws {
    try db.execute("DELETE FROM device_group_members WHERE device_group = $1", id.rawValue)
    try db.execute(
      "DELETE FROM device_groups WHERE id = $1 AND org = $2", id.rawValue, org.rawValue)
  }

  /// Adds a member; false when it was one already. That the device is of the same org is for the caller to check.
  public func add(_ device: DeviceID, to group: GroupID) throws -> Bool {
    try db.execute(
      """
      INSERT INTO device_group_members (device_group, device) VALUES ($1, $2)
      ON CONFLICT (device_group, device) DO NOTHING
      """, group.rawValue, device.rawValue) > 0
  }

  /// Removes a member; false when it was none.
  public func remove(_ device: DeviceID, from group: GroupID) throws -> Bool {
    try db.execute(
      "DELETE FROM device_group_members WHERE device_group = $1 AND device = $2", group.rawValue,
      device.rawValue) > 0
  }

  private static func group(_ row: Row) throws(SQLError) -> DeviceGroup {
    DeviceGroup(
      id: try row.id(0), org: try row.id(1), createdAt: try row.time(5), name: try row[2],
      description: try row[3], deviceCount: try row[4], updatedAt: try row.time(6),
      revision: try row[7])
  }
}
