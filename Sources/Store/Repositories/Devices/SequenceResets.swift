public import Domain
internal import SQL

/// How often operators had devices number their events anew. What has come of it is in the telemetry database
/// (``FleetActivity/resetSequence(of:number:)``).
public struct SequenceResets {
  private let db: Connection

  public init(_ transaction: ReadTransaction) { db = transaction.connection }

  /// 0 before the first.
  public func count(of device: DeviceID) throws -> Int64 {
    try db.first("SELECT resets FROM sequence_resets WHERE device = $1", device.rawValue) { row in
      try row.get(0, as: Int64.self)
    } ?? 0
  }

  /// One more.
  public func add(_ device: DeviceID) throws {
    try db.execute(
      """
      INSERT INTO sequence_resets (device, resets) VALUES ($1, 1)
      ON CONFLICT (device) DO UPDATE SET resets = sequence_resets.resets + 1
      """, device.rawValue)
  }
}
