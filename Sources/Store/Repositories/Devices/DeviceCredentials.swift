public import Domain
internal import SQL

/// The secrets of devices, by their SHA-256.
public struct DeviceCredentials {
  private let db: Connection

  public init(_ transaction: ReadTransaction) { db = transaction.connection }

  /// The secrets of a device; nil when it never had any. That the device is of the caller's org is for the caller to check.
  public func find(_ device: DeviceID) throws -> DeviceCredential? {
    try db.first(
      """
      SELECT device, org, current_digest, current_hint, current_issued_at_ms, current_is_used,
        successor_digest, successor_hint, successor_issued_at_ms, claimed_at_ms, revoked_at_ms
      FROM device_credentials WHERE device = $1
      """, device.rawValue, map: Self.credential)
  }

  /// The device that calls with the secret of this SHA-256.
  public func find(digest: [UInt8]) throws -> DeviceCredential? {
    let current = try db.first(
      """
      SELECT device, org, current_digest, current_hint, current_issued_at_ms, current_is_used,
        successor_digest, successor_hint, successor_issued_at_ms, claimed_at_ms, revoked_at_ms
      FROM device_credentials WHERE current_digest = $1
      """, digest, map: Self.credential)
    if let current { return current }
    return try db.first(
      """
      SELECT device, org, current_digest, current_hint, current_issued_at_ms, current_is_used,
        successor_digest, successor_hint, successor_issued_at_ms, claimed_at_ms, revoked_at_ms
      FROM device_credentials WHERE successor_digest = $1
      """, digest, map: Self.credential)
  }

  /// Stores the secrets of a device as they now are.
  public func save(_ credential: DeviceCredential) throws {
    let (current, successor) = (credential.current, credential.successor)
    try db.execute(
      """
      INSERT INTO device_credentials (device, org, current_digest, current_hint,
        current_issued_at_ms, current_is_used, successor_digest, successor_hint,
        successor_issued_at_ms, claimed_at_ms, revoked_at_ms)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
      ON CONFLICT (device) DO UPDATE SET current_digest = excluded.current_digest,
        current_hint = excluded.current_hint,
        current_issued_at_ms = excluded.current_issued_at_ms,
        current_is_used = excluded.current_is_used,
        successor_digest = excluded.successor_digest, successor_hint = excluded.successor_hint,
        successor_issued_at_ms = excluded.successor_issued_at_ms,
        claimed_at_ms = excluded.claimed_at_ms, revoked_at_ms = excluded.revoked_at_ms
      """, credential.device.rawValue, credential.org.rawValue, current?.digest, current?.hint,
      current?.issuedAt.milliseconds, current?.isUsed ?? false, successor?.digest,
      successor?.hint, successor?.issuedAt.milliseconds, credential.claimedAt?.milliseconds,
      credential.revokedAt?.milliseconds)
  }

  private static func credential(_ row: Row) throws -> DeviceCredential {
    DeviceCredential(
      device: try row.id(0), org: try row.id(1),
      current: try secret(row, at: 2, isUsed: try row[5]),
      successor: try secret(row, at: 6, isUsed: false), claimedAt: try row.timeOrNil(9),
      revokedAt: try row.timeOrNil(10))
  }

  private static func secret(
    _ row: Row, at column: Int, isUsed: Bool
  ) throws -> DeviceCredential.Secret? {
    guard let digest = try row.get(column, as: [UInt8]?.self) else { return nil }
    return DeviceCredential.Secret(
      digest: digest, hint: try row[column + 1], issuedAt: try row.time(column + 2),
      isUsed: isUsed)
  }
}
