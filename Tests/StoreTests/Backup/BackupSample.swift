import Crypto
import Domain
import Glibc
import SQL

@testable import Store

/// A live data folder with versions that have artifacts, events and reports, and a place for backups.
final class BackupSample {
  let fleet: FleetSample
  let files: ArtifactFiles
  /// Removed with everything in it.
  let place = TemporaryStore.folder()
  let artifacts: [Artifact]

  var data: String { fleet.temporary.path }
  var store: Store { fleet.store }
  var backup: String { place + "/backup" }
  var restored: String { place + "/restored" }

  init() async throws {
    fleet = try await FleetSample()
    files = try ArtifactFiles(data: fleet.temporary.path)
    let contents: [[UInt8]] = [Array("one".utf8), [UInt8](repeating: 7, count: 3_000_000)]
    var artifacts: [Artifact] = []
    for (version, bytes) in zip([FleetSample.v1, FleetSample.v2], contents) {
      let artifact = Artifact(
        digest: ContentDigest(bytes: SHA256.hash(data: bytes)), size: Int64(bytes.count),
        mediaType: "text/plain")
      let upload = try await files.upload(artifact)
      try await upload.append(bytes)
      try await upload.commit()
      try await fleet.store.write { tx in
        var stored = try ModelVersions(tx).find(version, org: FleetSample.org)
        stored?.artifact = artifact
        if let stored { try ModelVersions(tx).update(stored) }
        for org in ["o1", "o2"] { try tx.append(.sample(org: org, version.rawValue)) }
      }
      artifacts.append(artifact)
    }
    self.artifacts = artifacts
    let activity = FleetActivity(fleet.store)
    try await activity.take(
      DeviceID("d1"), numbers: [1, 2], now: FleetSample.start, told: { _ in .nothing }
    ).isOnDisk()
  }

  deinit {
    files.close()
    TemporaryStore.remove(place)
  }

  @discardableResult
  func make(_ options: Backup.Options = Backup.Options()) throws -> BackupManifest {
    try Backup.make(of: data, to: backup, options)
  }

  /// Where an artifact lies below a folder.
  func path(_ artifact: Artifact, in folder: String) -> String {
    ArtifactFiles.path(of: artifact.digest, in: folder + "/artifacts")
  }

  /// Changes the backup and describes it as if it had always been so.
  func change(_ body: (inout BackupManifest) throws -> Void) throws {
    let path = "\(backup)/\(BackupManifest.fileName)"
    var manifest = try BackupManifest(text: try BackupFile.text(path) ?? "")
    try body(&manifest)
    for index in manifest.databases.indices {
      let read = try BackupFile.measure("\(backup)/\(manifest.databases[index].name)")
      manifest.databases[index].bytes = read.bytes
      manifest.databases[index].digest = read.digest
    }
    unlink(path)
    try BackupFile.write(manifest.text, to: path)
  }

  /// Runs SQL in a database of the backup.
  func run(_ sql: String, in name: String = "rollcall.db") throws {
    let connection = try Connection(SQLiteEngine(path: "\(backup)/\(name)"), .readWrite)
    defer { connection.close() }
    try connection.runScript(sql)
    try connection.runScript("PRAGMA journal_mode = DELETE")
  }

  static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

  static func mode(_ path: String) -> mode_t {
    var status = stat()
    return stat(path, &status) == 0 ? status.st_mode & 0o777 : 0
  }

  /// Replaces a byte in the middle of a file.
  static func damage(_ path: String) {
    let file = open(path, O_RDWR)
    defer { close(file) }
    var status = stat()
    fstat(file, &status)
    var byte: UInt8 = 0
    pread(file, &byte, 1, status.st_size / 2)
    byte ^= 0x55
    pwrite(file, &byte, 1, status.st_size / 2)
  }
}
