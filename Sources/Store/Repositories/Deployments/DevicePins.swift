public import Domain
internal import SQL

/// Which devices are fixed to one side of a deployment.
public struct DevicePins {
  private let db: Connection

  public init(_ transaction: ReadTransaction) { db = transaction.connection }

  public func find(deployment: DeploymentID, device: DeviceID) throws -> Pin? {
    try db.first(
      """
      SELECT deployment, device, kind, version, reason, created_by, created_at_ms FROM device_pins
      WHERE deployment = $1 AND device = $2
      """, deployment.rawValue, device.rawValue, map: Self.pin)
  }

  /// The pins of a device, in whatever deployments.
  public func of(_ device: DeviceID) throws -> [Pin] {
    try db.all(
      """
      SELECT deployment, device, kind, version, reason, created_by, created_at_ms FROM device_pins
      WHERE device = $1
      """, device.rawValue, map: Self.pin)
  }

  /// Pinned devices of a deployment beyond `after`, by ascending or descending id.
  public func devices(
    of deployment: DeploymentID, after: DeviceID?, descending: Bool, limit: Int
  ) throws -> [DeviceID] {
    guard !descending else {
      return try db.all(
        """
        SELECT device FROM device_pins WHERE deployment = $1 AND device < $2
        ORDER BY device DESC LIMIT $3
        """, deployment.rawValue, after?.rawValue ?? "~", limit
      ) { row in try row.id(0) }
    }
    return try db.all(
      """
      SELECT device FROM device_pins WHERE deployment = $1 AND device > $2
      ORDER BY device LIMIT $3
      """, deployment.rawValue, after?.rawValue ?? "", limit
    ) { row in try row.id(0) }
  }

  /// Pins a device, moving an earlier pin, and tells the indexes of the org.
  public func put(_ pin: Pin, org: OrgID) throws {
    let isNew = try find(deployment: pin.deployment, device: pin.device) == nil
    try db.execute(
      """
      INSERT INTO device_pins (deployment, device, kind, version, reason, created_by, created_at_ms)
      VALUES ($1, $2, $3, $4, $5, $6, $7)
      ON CONFLICT (deployment, device) DO UPDATE SET kind = excluded.kind,
        version = excluded.version, reason = excluded.reason, created_by = excluded.created_by,
        created_at_ms = excluded.created_at_ms
      """, pin.deployment.rawValue, pin.device.rawValue, pin.target.kind,
      pin.target.version?.rawValue, pin.reason, pin.createdBy, pin.createdAt.milliseconds)
    try count(pin.deployment, by: isNew ? 1 : 0, org)
  }

  /// Takes a pin away; false when there was none.
  public func remove(deployment: DeploymentID, device: DeviceID, org: OrgID) throws -> Bool {
    let removed = try db.execute(
      "DELETE FROM device_pins WHERE deployment = $1 AND device = $2", deployment.rawValue,
      device.rawValue)
    try count(deployment, by: -removed, org)
    return removed > 0
  }

  /// The number of pins moves with each of them: nobody counts them all.
  private func count(_ deployment: DeploymentID, by change: Int, _ org: OrgID) throws {
    if change != 0 {
      try db.execute(
        "UPDATE deployments SET pin_count = pin_count + $2 WHERE id = $1", deployment.rawValue,
        change)
    }
    try DeploymentEpochs(connection: db).advance(org: org, deployment)
  }

  private static func pin(_ row: Row) throws -> Pin {
    let kind = try row.get(2, as: String.self)
    guard let target = PinTarget(kind: kind, version: try row.idOrNil(3)) else {
      throw StoreError.failure("a stored pin is of kind \"\(kind)\"")
    }
    return Pin(
      deployment: try row.id(0), device: try row.id(1), target: target, reason: try row[4],
      createdBy: try row[5], createdAt: try row.time(6))
  }
}

extension PinTarget {
  fileprivate var kind: String {
    switch self {
    case .canary: "CANARY"
    case .control: "CONTROL"
    case .version: "VERSION"
    }
  }

  fileprivate var version: VersionID? {
    if case .version(let version) = self { version } else { nil }
  }

  fileprivate init?(kind: String, version: VersionID?) {
    switch (kind, version) {
    case ("CANARY", nil): self = .canary
    case ("CONTROL", nil): self = .control
    case ("VERSION", let version?): self = .version(version)
    default: return nil
    }
  }
}
