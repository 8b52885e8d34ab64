internal import Domain
internal import Glibc

/// A folder that is being written beside the place where it is to appear: `<target>.partial`, closed to others.
///
/// What a killed backup left there is removed by the next one to the same place, as far as it is a backup's.
struct PartialFolder {
  let path: String
  private let target: String
  private let lock: FolderLock

  /// Fails when there is something at `target`, when it lies within `data`, and when somebody else writes to it.
  init(for target: String, of data: String) throws {
    let target = try BackupFile.absolute(target)
    let data = try BackupFile.absolute(data)
    guard !"\(target)/".hasPrefix("\(data)/") else {
      throw BackupError.nested(path: target, of: data)
    }
    if let found = try BackupFile.names(target), !found.isEmpty {
      throw BackupError.notEmpty(path: target, found: found)
    }
    self.target = target
    let path = target + ".partial"
    self.path = path
    let lock = try BackupError.about(path) { try FolderLock(folder: path) }
    self.lock = lock
    let rest = try Self.clear(path)
    guard rest == ["lock"] else {
      lock.release()
      throw BackupError.notEmpty(path: path, found: rest.filter { $0 != "lock" })
    }
    guard chmod(path, 0o700) == 0 else { throw BackupError.system("close to others", path) }
  }

  /// Gives the folder its name, for good.
  func publish() throws {
    guard unlink(path + "/lock") == 0 else { throw BackupError.system("remove", path + "/lock") }
    try BackupFile.sync(path)
    try BackupFile.rename(path, target)
    lock.release()
    let parent = target.lastIndex(of: "/").map { target[..<$0] } ?? ""
    try BackupFile.sync(parent.isEmpty ? "/" : String(parent))
  }

  /// Removes what was written. What cannot be removed is left to the next backup to the same place.
  func remove() {
    _ = try? Self.clear(path)
    unlink(path + "/lock")
    rmdir(path)
    lock.release()
  }

  /// Removes what a backup writes; returns the names of what is left.
  static func clear(_ path: String) throws -> [String] {
    for name in Backup.databases {
      for suffix in ["", "-journal", "-wal", "-shm"] { unlink("\(path)/\(name)\(suffix)") }
    }
    unlink("\(path)/\(BackupManifest.fileName)")
    for part in try BackupFile.names(path + "/artifacts") ?? [] {
      let folder = "\(path)/artifacts/\(part)"
      for name in try BackupFile.names(folder) ?? []
      where (try? ContentDigest(hex: name, field: "file")) != nil { unlink("\(folder)/\(name)") }
      rmdir(folder)
    }
    rmdir(path + "/artifacts")
    return try BackupFile.names(path) ?? []
  }
}
