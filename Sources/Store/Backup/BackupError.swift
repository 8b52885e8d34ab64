internal import Glibc
internal import SQL

/// Why a backup could not be made, is none, or could not be restored. Each names the file that it is about.
public enum BackupError: Error, Sendable, Hashable {
  /// The data folder has no database of this name, or an empty one.
  case noDatabase(path: String, name: String)
  /// The data folder was written by a version from before backups; its server has to be started once.
  case olderDatabase(name: String, found: Int, needed: Int)
  /// A newer program wrote the database.
  case newerDatabase(name: String, found: Int, supported: Int)
  /// There is something where the backup or the data is to be put.
  case notEmpty(path: String, found: [String])
  /// The target lies in what it is made of, or the other way round.
  case nested(path: String, of: String)
  /// Another process is writing to the folder, or serves it.
  case inUse(path: String, owner: String)
  /// The folder has no manifest.
  case notABackup(path: String)
  /// The manifest cannot be read; `line` counts from 1.
  case badManifest(line: Int, reason: String)
  /// The manifest names a file that is not there.
  case missing(file: String)
  /// A file is not what the manifest or the database says.
  case damaged(file: String, reason: String)
  /// A version's artifact is not in the data folder, or not as it was uploaded.
  case artifactLost(digest: String, reason: String)
  /// The database's log has grown by more than it may while it was copied.
  case logTooLong(file: String, bytes: Int64, limit: Int64)
  /// The operating system refused.
  case system(operation: String, path: String, code: Int32)
  /// The database engine refused.
  case database(file: String, reason: String)
}

extension BackupError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .noDatabase(let path, let name): "\(path) has no database \(name), or an empty one"
    case .olderDatabase(let name, let found, let needed):
      "\(name) has schema version \(found), a backup needs \(needed)"
    case .newerDatabase(let name, let found, let supported):
      "\(name) has schema version \(found), this program knows versions up to \(supported)"
    case .notEmpty(let path, let found):
      "\(path) is not empty: it has \(found.prefix(3).joined(separator: ", "))"
        + (found.count > 3 ? " and \(found.count - 3) more" : "")
    case .nested(let path, let outer): "\(path) lies within \(outer)"
    case .inUse(let path, let owner): "\(path) is in use by \(owner)"
    case .notABackup(let path): "\(path) is no backup: it has no file \(BackupManifest.fileName)"
    case .badManifest(let line, let reason):
      "\(BackupManifest.fileName), line \(line): \(reason)"
    case .missing(let file): "\(file) is missing"
    case .damaged(let file, let reason): "\(file) is damaged: \(reason)"
    case .artifactLost(let digest, let reason): "the artifact \(digest) is lost: \(reason)"
    case .logTooLong(let file, let bytes, let limit):
      "\(file) has grown by \(bytes) bytes during the copy, \(limit) are allowed"
    case .system(let operation, let path, let code):
      "\(operation) \(path): \(String(cString: strerror(code)))"
    case .database(let file, let reason): "\(file): \(reason)"
    }
  }
}

extension BackupError {
  /// What the operating system's last error means.
  static func system(_ operation: String, _ path: String) -> BackupError {
    .system(operation: operation, path: path, code: errno)
  }

  /// The engine's error about a file.
  init(_ error: SQLError, _ file: String) {
    self =
      error == .full
      ? .system(operation: "write", path: file, code: ENOSPC)
      : .database(file: file, reason: error.description)
  }

  /// Runs `body`; errors of the engine and the store are told as those of `file`.
  static func about<R>(_ file: String, _ body: () throws -> R) throws -> R {
    do {
      return try body()
    } catch let error as SQLError {
      throw BackupError(error, file)
    } catch StoreError.newerDatabase(let found, let supported) {
      throw BackupError.newerDatabase(name: file, found: found, supported: supported)
    } catch StoreError.folderInUse(let path, let owner) {
      throw BackupError.inUse(path: path, owner: owner)
    } catch let error as StoreError {
      throw BackupError.database(file: file, reason: error.description)
    }
  }
}
