import Domain
import Glibc
import Testing

@testable import Store

/// What is wrong with a backup is found by verifying it, and by restoring it before anything of it is seen.
@Suite struct BackupDamageTests {
  struct Damage: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let make: @Sendable (BackupSample) throws -> Void
    let isFound: @Sendable (BackupError, BackupSample) -> Bool
  }

  static let damages = [
    Damage(testDescription: "no manifest") {
      unlink($0.backup + "/manifest")
    } isFound: {
      $0 == .notABackup(path: $1.backup)
    },
    Damage(testDescription: "a manifest that was cut") {
      truncate($0.backup + "/manifest", 100)
    } isFound: { error, _ in
      if case .badManifest = error { true } else { false }
    },
    Damage(testDescription: "a manifest that was changed") {
      BackupSample.damage($0.backup + "/manifest")
    } isFound: { error, _ in
      if case .badManifest = error { true } else { false }
    },
    Damage(testDescription: "a manifest of another format") {
      unlink($0.backup + "/manifest")
      try BackupFile.write("rollcall backup 2\nend\n", to: $0.backup + "/manifest")
    } isFound: { error, _ in
      if case .badManifest(1, _) = error { true } else { false }
    },
    Damage(testDescription: "a database that was cut") {
      truncate($0.backup + "/rollcall.db", 8_192)
    } isFound: { error, _ in
      if case .damaged("rollcall.db", _) = error { true } else { false }
    },
    Damage(testDescription: "a byte of the telemetry") {
      BackupSample.damage($0.backup + "/telemetry.db")
    } isFound: { error, _ in
      if case .damaged("telemetry.db", _) = error { true } else { false }
    },
    Damage(testDescription: "a database that is missing") {
      unlink($0.backup + "/telemetry.db")
    } isFound: { error, _ in
      error == .missing(file: "telemetry.db")
    },
    Damage(testDescription: "a log beside a database") {
      try BackupFile.write("x", to: $0.backup + "/rollcall.db-wal")
    } isFound: { error, _ in
      if case .damaged("rollcall.db-wal", _) = error { true } else { false }
    },
    Damage(testDescription: "an artifact that is missing") {
      unlink($0.path($0.artifacts[0], in: $0.backup))
    } isFound: {
      $0 == .missing(file: "artifacts/\(part($1.artifacts[0]))")
    },
    Damage(testDescription: "a byte of an artifact") {
      BackupSample.damage($0.path($0.artifacts[1], in: $0.backup))
    } isFound: {
      if case .damaged("artifacts/\(part($1.artifacts[1]))", _) = $0 { true } else { false }
    },
    Damage(testDescription: "an artifact that the manifest does not name") {
      try $0.change { $0.artifacts.removeAll { $0.bytes == 3 } }
    } isFound: {
      $0 == .missing(file: "artifacts/\(part($1.artifacts[0]))")
    },
    Damage(testDescription: "a newer schema") { sample in
      try sample.run("INSERT INTO schema_migrations VALUES (9999, 'Later', 'x', 0)")
      try sample.change { _ in }
    } isFound: { error, _ in
      error
        == .newerDatabase(
          name: "rollcall.db", found: 9_999,
          supported: Migrations.all.map(\.version).max() ?? 0)
    },
    Damage(testDescription: "an event that was changed") { sample in
      try sample.run("UPDATE events SET actor = 'nobody' WHERE revision = 2")
      try sample.change { _ in }
    } isFound: { error, _ in
      error
        == .damaged(
          file: "rollcall.db", reason: "event 2 does not follow from those before it")
    },
    Damage(testDescription: "the newest event removed") { sample in
      try sample.run("DELETE FROM events WHERE revision = (SELECT max(revision) FROM events)")
      try sample.change { _ in }
    } isFound: { error, _ in
      error
        == .damaged(file: "rollcall.db", reason: "its newest event is 3 instead of 4")
    },
    Damage(testDescription: "a row that refers to none") { sample in
      try sample.run("PRAGMA foreign_keys = OFF; DELETE FROM models WHERE id = 'm'")
      try sample.change { _ in }
    } isFound: { error, _ in
      if case .damaged("rollcall.db", _) = error { true } else { false }
    },
  ]

  private static func part(_ artifact: Artifact) -> String {
    "\(artifact.digest.hex.prefix(2))/\(artifact.digest.hex)"
  }

  @Test(arguments: damages)
  func `a damaged backup is refused in words, and restored it leaves nothing`(
    damage: Damage
  ) async throws {
    let sample = try await BackupSample()
    try sample.make()
    try damage.make(sample)
    let found = #expect(throws: BackupError.self) { try Backup.verify(sample.backup) }
    if let found {
      #expect(damage.isFound(found, sample), "\(found)")
      #expect(!"\(found)".contains("\n"))
    }
    let refused = #expect(throws: BackupError.self) {
      try Backup.restore(sample.backup, to: sample.restored)
    }
    #expect(refused == found)
    #expect(!BackupSample.exists(sample.restored))
  }

  @Test func `a folder with anything in it is not restored to`() async throws {
    let sample = try await BackupSample()
    try sample.make()
    mkdir(sample.restored, 0o755)
    try BackupFile.write("x", to: sample.restored + "/notes")
    #expect(throws: BackupError.notEmpty(path: sample.restored, found: ["notes"])) {
      try Backup.restore(sample.backup, to: sample.restored)
    }
    #expect(try BackupFile.names(sample.restored) == ["notes"])
    unlink(sample.restored + "/notes")
    let lock = try FolderLock(folder: sample.restored)
    #expect(throws: BackupError.inUse(path: sample.restored, owner: "process \(getpid())")) {
      try Backup.restore(sample.backup, to: sample.restored)
    }
    lock.release()
    try Backup.restore(sample.backup, to: sample.restored)
    try Store.open(sample.restored).close()
  }

  @Test func `a folder that is half restored is no data folder`() throws {
    let path = TemporaryStore.folder()
    defer { TemporaryStore.remove(path) }
    mkdir(path + "/" + DataFolder.restoring, 0o700)
    #expect(
      throws: StoreError.databaseMissing(
        path: path, isEmpty: false, leftovers: [DataFolder.restoring])
    ) { try Store.open(path) }
  }

  @Test func `a manifest reads as it was written`() throws {
    let digest = ContentDigest(unchecked: String(repeating: "0f", count: 32))
    let manifest = BackupManifest(
      program: "0.1.0", createdAtMilliseconds: -5, revision: 7,
      databases: Backup.databases.map {
        .init(name: $0, bytes: 4_096, digest: digest, schema: 3)
      }, artifacts: [.init(digest: digest, bytes: 0)], lost: [.init(digest: digest, bytes: 9)])
    #expect(try BackupManifest(text: manifest.text) == manifest)
    #expect(manifest.text.split(separator: "\n").last?.hasPrefix("end 8 ") == true)
    // Cut anywhere it is refused.
    let text = manifest.text
    for length in 0..<text.utf8.count {
      #expect(throws: BackupError.self, "\(length)") {
        try BackupManifest(text: String(text.prefix(length)))
      }
    }
  }
}
