/// Why a statement could not be carried out.
///
/// Closed, so that a caller's `switch` names every case. Texts are for logs; a caller decides by
/// the case alone.
public enum SQLError: Error, Sendable, Hashable {
  /// A named rule of the schema refused the row.
  ///
  /// `name` is the same on every engine if constraints are named `<table>_<column>_<column>`:
  /// SQLite reports a uniqueness violation as `table.a, table.b`, which is given here as
  /// `table_a_b`; a CHECK is reported by its own name. A foreign key has no name in SQLite.
  case constraint(ConstraintKind, name: String)
  /// The disk, the quota or the configured page limit is exhausted. Nothing was written.
  case full
  /// Another process holds the database. Waited for the busy timeout first.
  case busy
  /// The file is not a database, or its pages are damaged.
  case corrupt(String)
  /// The operating system refused to read, write or sync; `code` is the engine's own.
  case io(code: Int, String)
  /// Whoever is asked while statements run said no.
  case interrupted
  /// A column holds another type than the one asked for, or a text that no case stands for.
  case mismatch(column: String, expected: String, found: String)
  /// A write on a read-only connection or file.
  case readOnly
  /// A value exceeds the engine's length limit.
  case tooBig
  case outOfMemory
  /// The process has no file descriptor left.
  case noDescriptor
  /// The database cannot be opened.
  case cannotOpen(path: String, String)
  /// The statement is wrong: syntax, unknown table, wrong number of parameters. A bug of ours.
  case invalidStatement(String)
}

public enum ConstraintKind: String, Sendable, Hashable {
  case unique, primaryKey, foreignKey, notNull, check, dataType, other
}

extension SQLError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .constraint(let kind, let name): "\(kind.rawValue) constraint \(name) violated"
    case .full: "the disk or the database's page limit is full"
    case .busy: "the database is locked by another process"
    case .corrupt(let text): "the database is damaged: \(text)"
    case .io(let code, let text): "input/output error \(code): \(text)"
    case .interrupted: "the statement was interrupted"
    case .mismatch(let column, let expected, let found):
      "column \(column) holds \(found), expected \(expected)"
    case .readOnly: "the connection is read-only"
    case .tooBig: "a value exceeds the engine's length limit"
    case .outOfMemory: "out of memory"
    case .noDescriptor: "no file descriptor is left"
    case .cannotOpen(let path, let text): "cannot open \(path): \(text)"
    case .invalidStatement(let text): "invalid statement: \(text)"
    }
  }
}
