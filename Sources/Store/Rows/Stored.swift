public import Domain
public import SQL

/// A value that is a row of a table: what ``Rows`` reads and writes.
///
/// Every row belongs to an org, has an id that grows with the time of its creation, and a revision.
public protocol Stored: Sendable {
  /// What its id is the id of.
  associatedtype Owner
  /// Its columns.
  static var table: Table<Self> { get }
  /// Reads the columns in the order in which ``table`` declares them.
  init(row: inout RowReader) throws

  var id: ID<Owner> { get }
  var org: OrgID { get }
  /// The revision of its last change: the etag.
  var revision: Int64 { get set }

  /// Notes a change: its revision, and its time where that is kept.
  mutating func stamp(now: Timestamp, revision: Int64)
  /// Reads what of it stands in other tables; nothing unless it says otherwise.
  mutating func readRest(_ db: Connection) throws
  /// Writes what of it stands in other tables, and what else follows from a change of its row; nothing unless it says otherwise.
  func writeRest(_ db: Connection) throws
  /// Removes what would refer to a row that is about to be removed; nothing unless it says otherwise.
  static func removeRest(of id: ID<Owner>, _ db: Connection) throws
}

extension Stored {
  public mutating func stamp(now: Timestamp, revision: Int64) { self.revision = revision }
  public mutating func readRest(_ db: Connection) throws {}
  public func writeRest(_ db: Connection) throws {}
  public static func removeRest(of id: ID<Owner>, _ db: Connection) throws {}
}

/// A stored value that knows when it was changed last.
public protocol Dated: Stored {
  var updatedAt: Timestamp { get set }
}

extension Dated {
  public mutating func stamp(now: Timestamp, revision: Int64) {
    updatedAt = now
    self.revision = revision
  }
}

/// A stored value that can be hidden from lists and closed to new uses.
public protocol Archivable: Dated {
  /// What people know it by.
  var name: String { get }
  /// Nil: open.
  var archivedAt: Timestamp? { get set }
}
