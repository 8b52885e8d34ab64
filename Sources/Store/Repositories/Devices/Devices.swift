public import Domain
internal import SQL

/// The devices of all orgs; every method is scoped to one.
public struct Devices {
  /// What a list is narrowed to; nil: not.
  public struct Filter: Sendable, Hashable {
    /// All of these labels.
    public var labels: [String: String] = [:]
    public var group: GroupID?
    public var platform: Int32?
    public var appIdentifier: String?
    public var deviceClass: String?
    public var hardwareID: String?
    /// Devices that run this version, for whatever deployment.
    public var runningVersion: VersionID?

    public init() {}
  }

  private let db: Connection

  public init(_ transaction: ReadTransaction) { db = transaction.connection }

  public func find(_ id: DeviceID, org: OrgID) throws -> Device? {
    guard
      var device = try db.first(
        """
        SELECT id, org, hardware_id, platform, app_identifier, device_class, labels,
          registered_at_ms, revision
        FROM devices WHERE id = $1 AND org = $2
        """, id.rawValue, org.rawValue, map: Self.device)
    else { return nil }
    device.groups = try groups(of: id)
    return device
  }

  public func find(hardwareID: String, org: OrgID) throws -> Device? {
    guard
      var device = try db.first(
        """
        SELECT id, org, hardware_id, platform, app_identifier, device_class, labels,
          registered_at_ms, revision
        FROM devices WHERE org = $1 AND hardware_id = $2
        """, org.rawValue, hardwareID, map: Self.device)
    else { return nil }
    device.groups = try groups(of: device.id)
    return device
  }

  /// The groups that a device is in.
  public func groups(of device: DeviceID) throws -> Set<GroupID> {
    Set(
      try db.all(
        "SELECT device_group FROM device_group_members WHERE device = $1", device.rawValue
      ) { row in try row.id(0) })
  }

  public func list(_ page: Page, org: OrgID, _ filter: Filter = Filter()) throws -> Listing<
    Device
  > {
    var query = ListQuery(
      """
      id, org, hardware_id, platform, app_identifier, device_class, labels, registered_at_ms,
      revision
      """, from: "devices")
    query.filter("org = ?", [org], isIndexed: true)
    if let hardwareID = filter.hardwareID {
      query.filter("hardware_id = ?", [hardwareID], isIndexed: true)
    }
    if let app = filter.appIdentifier {
      query.filter("app_identifier = ?", [app], isIndexed: true)
    }
    if let platform = filter.platform { query.filter("platform = ?", [platform]) }
    if let deviceClass = filter.deviceClass { query.filter("device_class = ?", [deviceClass]) }
    if let group = filter.group {
      query.filter(
        "id IN (SELECT device FROM device_group_members WHERE device_group = ?)", [group])
    }
    if let version = filter.runningVersion {
      query.filter("id IN (SELECT device FROM installations WHERE running = ?)", [version])
    }
    for (key, value) in filter.labels.sorted(by: { $0.key < $1.key }) {
      query.filter(
        "id IN (SELECT device FROM device_labels WHERE (org, key, value) = (?))",
        [org, key, value])
    }
    return try query.listing(page, in: db) { row in
      var device = try Self.device(row.row)
      device.groups = try groups(of: device.id)
      return (device, device.id.rawValue, 0)
    }
  }

  /// Calls `body` with the devices of an org after `after` in the order of their ids, until it returns false. Groups are read only
  /// when `withGroups`. Unbounded: for scans.
  public func forEach(
    org: OrgID, after: DeviceID? = nil, descending: Bool = false, withGroups: Bool,
    _ body: (Device) throws -> Bool
  ) throws {
    func visit(_ row: Row) throws -> Bool {
      var device = try Self.device(row)
      if withGroups { device.groups = try groups(of: device.id) }
      return try body(device)
    }
    if descending {
      try db.each(
        """
        SELECT id, org, hardware_id, platform, app_identifier, device_class, labels,
          registered_at_ms, revision
        FROM devices WHERE org = $1 AND ($2 = '' OR id < $2) ORDER BY id DESC
        """, org.rawValue, after?.rawValue ?? "", body: visit)
    } else {
      try db.each(
        """
        SELECT id, org, hardware_id, platform, app_identifier, device_class, labels,
          registered_at_ms, revision
        FROM devices WHERE org = $1 AND id > $2 ORDER BY id
        """, org.rawValue, after?.rawValue ?? "", body: visit)
    }
  }

  /// Stores a new device with its labels. Its groups are not stored.
  public func insert(_ device: Device) throws {
    try db.execute(
      """
      INSERT INTO devices (id, org, hardware_id, platform, app_identifier, device_class, labels,
        registered_at_ms, revision)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
      """, device.id.rawValue, device.org.rawValue, device.hardwareID, device.traits.platform,
      device.appIdentifier, device.traits.deviceClass, device.labels.storedText,
      device.registeredAt.milliseconds, device.revision)
    try insertLabels(of: device)
  }

  /// Stores what may change, groups apart.
  public func update(_ device: Device) throws {
    try db.execute(
      """
      UPDATE devices SET platform = $3, app_identifier = $4, device_class = $5, labels = $6,
        revision = $7
      WHERE id = $1 AND org = $2
      """, device.id.rawValue, device.org.rawValue, device.traits.platform, device.appIdentifier,
      device.traits.deviceClass, device.labels.storedText, device.revision)
    try db.execute("DELETE FROM device_labels WHERE device = $1", device.id.rawValue)
    try insertLabels(of: device)
  }

  private func insertLabels(of device: Device) throws {
    for (key, value) in device.labels.values {
      try db.execute(
        "INSERT INTO device_labels (org, key, value, device) VALUES ($1, $2, $3, $4)",
        device.org.rawValue, key, value, device.id.rawValue)
    }
  }

  private static func device(_ row: Row) throws(SQLError) -> Device {
    Device(
      id: try row.id(0), org: try row.id(1), hardwareID: try row[2],
      registeredAt: try row.time(7),
      traits: DeviceTraits(platform: try row[3], deviceClass: try row[5]),
      appIdentifier: try row[4], labels: try row[6], revision: try row[8])
  }
}
