public import Domain
public import SQL

/// The devices of all orgs, with their labels and the groups they are in.
public typealias Devices = Rows<Device>

extension Device: Stored {
  public static let table = Table<Device>("devices", unique: ["org", "hardware_id"]) {
    $0.column("id", \.id)
    $0.column("org", \.org)
    $0.column("hardware_id", \.hardwareID)
    $0.column("platform", \.traits.platform, .changes)
    $0.column("app_identifier", \.appIdentifier, .changes)
    $0.column("device_class", \.traits.deviceClass, .changes)
    $0.column("labels", \.labels, .changes)
    $0.column("registered_at_ms", \.registeredAt)
    $0.column("revision", \.revision, .changes)
  }
  fileprivate static let byHardwareID = table.select("WHERE org = $1 AND hardware_id = $2")
  fileprivate static let ascending = table.select(
    "WHERE org = $1 AND id > $2 ORDER BY id LIMIT $3")
  fileprivate static let descending = table.select(
    "WHERE org = $1 AND id < $2 ORDER BY id DESC LIMIT $3")

  public init(row: inout RowReader) throws {
    let (id, org): (DeviceID, OrgID) = (try row.next(), try row.next())
    let hardwareID: String = try row.next()
    let (platform, app, deviceClass): (Int32, String, String) = (
      try row.next(), try row.next(), try row.next()
    )
    let labels: Labels = try row.next()
    self.init(
      id: id, org: org, hardwareID: hardwareID, registeredAt: try row.next(),
      traits: DeviceTraits(platform: platform, deviceClass: deviceClass), appIdentifier: app,
      labels: labels, revision: try row.next())
  }

  /// The groups, which other calls change.
  public mutating func readRest(_ db: Connection) throws {
    groups = Set(
      try db.all("SELECT device_group FROM device_group_members WHERE device = $1", id) { row in
        try row.id(0)
      })
  }

  /// The labels once more, for lists.
  public func writeRest(_ db: Connection) throws {
    try db.execute("DELETE FROM device_labels WHERE device = $1", id)
    for (key, value) in labels.values {
      try db.execute(
        "INSERT INTO device_labels (org, key, value, device) VALUES ($1, $2, $3, $4)", org, key,
        value, id)
    }
  }
}

extension Condition<Device> {
  public static func hardwareID(_ id: String) -> Self {
    Self("hardware_id = ?", id, isIndexed: true)
  }
  public static func appIdentifier(_ app: String) -> Self {
    Self("app_identifier = ?", app, isIndexed: true)
  }
  public static func platform(_ platform: Int32) -> Self { Self("platform = ?", platform) }
  public static func deviceClass(_ name: String) -> Self { Self("device_class = ?", name) }
  public static func member(of group: GroupID) -> Self {
    Self("id IN (SELECT device FROM device_group_members WHERE device_group = ?)", group)
  }
  /// Devices that run a version, for whatever deployment.
  public static func running(_ version: VersionID) -> Self {
    Self("id IN (SELECT device FROM installations WHERE running = ?)", version)
  }
  public static func label(_ key: String, _ value: String, org: OrgID) -> Self {
    Self(
      "id IN (SELECT device FROM device_labels WHERE (org, key, value) = (?))", org, key, value)
  }
}

extension Rows<Device> {
  public func find(hardwareID: String, org: OrgID) throws -> Device? {
    try first(Device.byHardwareID, org, hardwareID)
  }

  /// Calls `body` with the devices of an org beyond `after`, in the order of their ids or against it, until it returns false, and with
  /// at most `limit`. Groups are read only when `withGroups`.
  public func forEach(
    org: OrgID, after: DeviceID? = nil, descending: Bool = false, limit: Int, withGroups: Bool,
    _ body: (Device) throws -> Bool
  ) throws {
    // Ids begin with a digit or a letter.
    let start = after ?? DeviceID(descending ? "~" : "")
    let sql = descending ? Device.descending : Device.ascending
    try db.each(sql, org, start, limit) { row in
      var device = try Device(row: &row)
      if withGroups { try device.readRest(db) }
      return try body(device)
    }
  }
}
