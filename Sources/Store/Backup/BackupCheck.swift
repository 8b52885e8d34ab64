internal import Domain
internal import Glibc
internal import SQL

/// Reads a backup and holds it against its manifest.
struct BackupCheck {
  private let folder: String
  private let onStep: (Backup.Step) throws -> Void

  init(_ folder: String, _ onStep: @escaping (Backup.Step) throws -> Void) {
    self.folder = folder
    self.onStep = onStep
  }

  func run() throws -> BackupManifest {
    let path = "\(folder)/\(BackupManifest.fileName)"
    guard let text = try BackupFile.text(path) else {
      throw BackupError.notABackup(path: folder)
    }
    let manifest = try BackupManifest(text: text)
    for database in manifest.databases { try check(database) }
    try check(manifest.databases, manifest)
    for content in manifest.artifacts {
      try check(content.file, content.bytes, content.digest)
    }
    return manifest
  }

  private func check(_ file: String, _ bytes: Int64, _ digest: ContentDigest) throws {
    try onStep(.checking(file))
    let path = "\(folder)/\(file)"
    guard access(path, F_OK) == 0 || errno != ENOENT else {
      throw BackupError.missing(file: file)
    }
    let size = BackupFile.size(path)
    guard size == bytes else {
      throw BackupError.damaged(file: file, reason: "it has \(size) bytes instead of \(bytes)")
    }
    let found = try BackupFile.measure(path) { try onStep(.checking(file)) }
    guard found.digest == digest else {
      throw BackupError.damaged(
        file: file, reason: "it has the SHA-256 \(found.digest) instead of \(digest)")
    }
  }

  private func check(_ database: BackupManifest.Database) throws {
    // A log beside the file would be read as a part of it.
    for suffix in ["-wal", "-journal"]
    where access(folder + "/" + database.name + suffix, F_OK) == 0 {
      throw BackupError.damaged(
        file: database.name + suffix, reason: "it is no part of the backup")
    }
    try check(database.name, database.bytes, database.digest)
  }

  private func check(_ databases: [BackupManifest.Database], _ manifest: BackupManifest) throws {
    for database in databases {
      let name = database.name
      let isControl = name != TelemetryStore.fileName
      try onStep(.checking(name))
      try BackupError.about(name) {
        let snapshot = try SQLiteSnapshot(path: "\(folder)/\(name)")
        defer { snapshot.close() }
        let db = snapshot.connection
        let schema = try Migrations.newest(
          in: db, isControl ? Migrations.all : TelemetryMigrations.all)
        guard schema == database.schema else {
          throw BackupError.damaged(
            file: name, reason: "its schema is \(schema) instead of \(database.schema)")
        }
        if let reason = try Self.damage(in: db) {
          throw BackupError.damaged(file: name, reason: reason)
        }
        if isControl { try check(db, manifest) }
      }
    }
  }

  /// What SQLite finds wrong with the file's structure or with its references; nil: nothing.
  private static func damage(in db: Connection) throws -> String? {
    let found = try db.all("PRAGMA integrity_check(1)") { try $0.get(0, as: String.self) }
    guard found == ["ok"] else { return found.joined(separator: "; ") }
    return try db.first("PRAGMA foreign_key_check") { row in
      "a row of \(try row.get(0, as: String.self)) refers to none"
    }
  }

  /// The control plane's content: the log's chains, and that every artifact is accounted for.
  private func check(_ db: Connection, _ manifest: BackupManifest) throws {
    let log = EventLog(connection: db)
    let head = try log.head()
    guard head == manifest.revision else {
      throw BackupError.damaged(
        file: "rollcall.db", reason: "its newest event is \(head) instead of \(manifest.revision)")
    }
    if let broken = try firstBreak(in: log) {
      throw BackupError.damaged(
        file: "rollcall.db", reason: "event \(broken) does not follow from those before it")
    }
    let known = Set(manifest.artifacts + manifest.lost)
    for content in try Backup.contents(db) where !known.contains(content) {
      throw BackupError.missing(file: content.file)
    }
  }

  /// The first event that does not follow from the one before it in its org; nil when all do.
  private func firstBreak(in log: EventLog) throws -> Int64? {
    var heads: [String: [UInt8]] = [:]
    var bytes: [UInt8] = []
    var last: Int64 = 0
    while true {
      try onStep(.checking("rollcall.db"))
      let page = try log.page(after: last, org: nil, limit: 1_000)
      guard let end = page.last?.revision else { return nil }
      for logged in page {
        let org = logged.event.org
        let previous = try heads[org] ?? log.anchor(org: org)
        let expected = EventChain.hash(
          after: previous, revision: logged.revision,
          createdAtMilliseconds: logged.createdAtMilliseconds, logged.event, in: &bytes)
        guard expected == logged.chainHash else { return logged.revision }
        heads[org] = expected
      }
      last = end
    }
  }
}
