public import SQL

/// A consistent view of the database for the length of a closure. Never kept beyond it.
///
/// Repositories are structs over its connection:
///
/// ```swift
/// public struct Devices {
///   let db: Connection
///   public init(_ transaction: ReadTransaction) { db = transaction.connection }
///
///   public func find(_ id: String, org: String) throws -> Device? {
///     try db.first("SELECT id, name FROM devices WHERE org = $1 AND id = $2", org, id) { row in
///       Device(id: try row[0], name: try row[1])
///     }
///   }
///   public func insert(_ device: Device) throws {
///     try db.execute("INSERT INTO devices (id, name) VALUES ($1, $2)", device.id, device.name)
///   }
/// }
/// ```
///
/// A method that changes rows fails with `.readOnly` outside `store.write`.
public class ReadTransaction {
  /// What repositories run their SQL on. Belongs to this closure's thread.
  public let connection: Connection

  /// Whether this is a write's own view, from within which nothing else can be read.
  public var isWriting: Bool { false }

  init(_ connection: Connection) { self.connection = connection }

  /// The newest revision in this view: where a watch of what was just read resumes.
  public func revision() throws -> Int64 { try EventLog(self).head() }
}
