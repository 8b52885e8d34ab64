internal import Domain
internal import Glibc

extension Backup {
  /// Makes a data folder of a backup. `data` must not be there, or be empty; a server can be started on it afterwards.
  ///
  /// Everything is verified first and read once more as it is copied. Only when all is on disk the files get their names, the database last:
  /// without it no server takes the folder. A restoration that fails leaves nothing behind. Throws ``BackupError``, or what `onStep` threw.
  /// Blocking.
  @discardableResult
  public static func restore(
    _ backup: String, to data: String, onStep: @escaping (Step) throws -> Void = { _ in }
  ) throws -> BackupManifest {
    let (backup, data) = (try BackupFile.absolute(backup), try BackupFile.absolute(data))
    for (inner, outer) in [(data, backup), (backup, data)]
    where "\(inner)/".hasPrefix("\(outer)/") {
      throw BackupError.nested(path: inner, of: outer)
    }
    let hasLock = try requireEmpty(data)
    let manifest = try verify(backup, onStep: onStep)
    let lock = try BackupError.about(data) { try FolderLock(folder: data) }
    let folder = "\(data)/\(DataFolder.restoring)"
    do {
      _ = try requireEmpty(data)
      try BackupFile.makeFolder(folder)
      try copy(manifest, from: backup, to: folder, onStep)
      for name in ["artifacts", TelemetryStore.fileName, "rollcall.db"] {
        try BackupFile.rename("\(folder)/\(name)", "\(data)/\(name)")
        try BackupFile.sync(data)
      }
    } catch {
      _ = try? PartialFolder.clear(folder)
      rmdir(folder)
      _ = try? PartialFolder.clear(data)
      if !hasLock { unlink(data + "/lock") }
      lock.releaseAndRemove()
      throw error
    }
    guard rmdir(folder) == 0 else { throw BackupError.system("remove", folder) }
    lock.release()
    return manifest
  }

  /// A lock's file and what file systems put at their root are no content. Returns whether there is a lock's file.
  private static func requireEmpty(_ data: String) throws -> Bool {
    let found = try BackupFile.names(data) ?? []
    let content = found.filter { $0 != "lock" && $0 != "lost+found" }
    guard content.isEmpty else { throw BackupError.notEmpty(path: data, found: content) }
    return found.contains("lock")
  }

  private static func copy(
    _ manifest: BackupManifest, from backup: String, to folder: String,
    _ onStep: (Step) throws -> Void
  ) throws {
    func copy(_ file: String, _ bytes: Int64, _ digest: ContentDigest, _ step: Step) throws {
      let read = try BackupFile.copy("\(backup)/\(file)", to: "\(folder)/\(file)") {
        try onStep(step)
      }
      guard read == (bytes, digest) else {
        throw BackupError.damaged(file: file, reason: "it changed while it was read")
      }
    }
    for database in manifest.databases {
      try copy(
        database.name, database.bytes, database.digest,
        .database(database.name, copied: 0, of: 0))
    }
    try BackupFile.makeFolder(folder + "/artifacts")
    for (index, content) in manifest.artifacts.enumerated() {
      let parent = "\(folder)/artifacts/\(content.digest.hex.prefix(2))"
      try BackupFile.makeFolder(parent)
      try copy(
        content.file, content.bytes, content.digest,
        .artifact(index, of: manifest.artifacts.count))
    }
    for parent in try BackupFile.names(folder + "/artifacts") ?? [] {
      try BackupFile.sync("\(folder)/artifacts/\(parent)")
    }
    try BackupFile.sync(folder + "/artifacts")
    try BackupFile.sync(folder)
  }
}
