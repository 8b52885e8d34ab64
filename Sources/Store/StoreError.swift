internal import SQL

/// Why the store could not do what was asked. The API's status mapping switches over it
/// exhaustively; texts are for the log.
public enum StoreError: Error, Sendable, Hashable {
  /// The disk is full: nothing was written, reads go on, and writes succeed again once space
  /// returns. RESOURCE_EXHAUSTED.
  case storageFull
  /// More writes wait than the configured bound. RESOURCE_EXHAUSTED, worth a retry.
  case overloaded(waiting: Int, limit: Int)
  /// The caller's `subject` ("principal", "org") has too many scans waiting and running, or changes waiting. RESOURCE_EXHAUSTED, worth a retry.
  case overdrawn(subject: String, waiting: Int, limit: Int)
  /// A scan took longer than any may. RESOURCE_EXHAUSTED.
  case scanTooLong(milliseconds: Int64)
  /// Another process holds the database's lock: nothing was read or written. UNAVAILABLE, worth a retry.
  case locked
  /// The process has no file descriptor left. RESOURCE_EXHAUSTED, worth a retry.
  case noDescriptor
  /// A schema rule refused the row and the repository did not turn that into an answer of the
  /// domain. `kind` is unique, primaryKey, foreignKey, notNull, check, dataType or other.
  case constraint(kind: String, name: String)
  /// The same request id was used before with another body. ALREADY_EXISTS, REQUEST_ID_REUSED.
  case requestIDReused(requestID: String)
  /// Events up to `oldest - 1` were compacted away. OUT_OF_RANGE.
  case compacted(requested: Int64, oldest: Int64)
  /// A revision that has not happened yet. OUT_OF_RANGE.
  case futureRevision(requested: Int64, newest: Int64)
  /// A page token that is damaged, forged, or belongs to another query. INVALID_ARGUMENT.
  case invalidPageToken
  /// The read was stopped because its caller was cancelled.
  case interrupted
  /// Another process holds the data folder.
  case folderInUse(path: String, owner: String)
  /// The data folder cannot be created, locked or written.
  case folderUnusable(path: String, reason: String)
  /// The data folder has what belongs to the database `name` ("2 artifacts", "admin.key") and no such database, or an empty one.
  case databaseMissing(
    path: String, name: String = "rollcall.db", isEmpty: Bool, leftovers: [String])
  /// The database was written by a newer binary.
  case newerDatabase(found: Int, supported: Int)
  /// A migration that was already applied has another text now.
  case changedMigration(version: Int, name: String)
  /// The store was closed.
  case closed
  /// Disk errors, damage, bugs. INTERNAL with a generic text.
  case failure(String)
}

extension StoreError {
  init(_ error: SQLError) {
    switch error {
    case .full: self = .storageFull
    case .constraint(let kind, let name): self = .constraint(kind: kind.rawValue, name: name)
    case .interrupted: self = .interrupted
    case .busy: self = .locked
    case .noDescriptor: self = .noDescriptor
    case .corrupt, .io, .mismatch, .readOnly, .tooBig, .outOfMemory, .cannotOpen,
      .invalidStatement:
      self = .failure(error.description)
    }
  }

  /// An engine's error as the store's; every other error stays what it is.
  static func translating(_ error: any Error) -> any Error {
    (error as? SQLError).map { StoreError($0) } ?? error
  }
}

extension StoreError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .storageFull: "the disk is full"
    case .overloaded(let waiting, let limit): "\(waiting) operations wait, the limit is \(limit)"
    case .constraint(let kind, let name): "\(kind) constraint \(name) violated"
    case .overdrawn(let subject, let waiting, let limit):
      "the \(subject) has \(waiting) operations waiting, the limit is \(limit)"
    case .scanTooLong(let milliseconds): "the read took longer than \(milliseconds) ms"
    case .locked: "the database is locked by another process"
    case .noDescriptor: "no file descriptor is left"
    case .requestIDReused(let id): "request id \(id) was used before with another body"
    case .compacted(let requested, let oldest):
      "revision \(requested) was compacted, the oldest is \(oldest)"
    case .futureRevision(let requested, let newest):
      "revision \(requested) is in the future, the newest is \(newest)"
    case .invalidPageToken: "the page token does not belong to this query"
    case .interrupted: "the read was interrupted"
    case .folderInUse(let path, let owner): "\(path) is in use by \(owner)"
    case .folderUnusable(let path, let reason): "\(path) cannot be used: \(reason)"
    case .databaseMissing(let path, let name, let isEmpty, let leftovers):
      "\(path) has \(leftovers.joined(separator: ", ")), but its database, \(name), is "
        + (isEmpty ? "empty" : "missing")
    case .newerDatabase(let found, let supported):
      "the database has schema version \(found), this binary supports up to \(supported)"
    case .changedMigration(let version, let name):
      "migration \(version) (\(name)) was applied with another text"
    case .closed: "the store is closed"
    case .failure(let text): text
    }
  }
}
