internal import Glibc
internal import SQL

/// A data folder as a server finds it: the database files, and what belongs to a database.
///
/// Nothing here deletes what it did not make: a folder that has artifacts or a key but no database lost it, and a new database would
/// be a new server that knows nothing of them.
struct DataFolder {
  let path: String
  /// Whether the database is made by this opening.
  let isNew: Bool

  var database: String { path + "/rollcall.db" }
  /// What devices report; made with the database, or beside one from before it was apart.
  var telemetry: String { path + "/" + TelemetryStore.fileName }

  /// Looks at the folder, whose lock is held, and closes the databases to others before they are opened.
  ///
  /// Fails with `.databaseMissing` when the folder has what belongs to a database and none, or an empty file in its place.
  init(_ path: String) throws(StoreError) {
    self.path = path
    let database = path + "/rollcall.db"
    var status = stat()
    let isThere = stat(database, &status) == 0
    isNew = !isThere || status.st_size == 0
    if isNew {
      let leftovers = try Self.leftovers(in: path)
      guard leftovers.isEmpty else {
        throw .databaseMissing(path: path, isEmpty: isThere, leftovers: leftovers)
      }
    }
    try Self.makePrivate(path)
    if !isThere { try Self.create(database) }
  }

  /// Makes the file of the telemetry database when it is missing.
  ///
  /// Fails with `.databaseMissing` when it is missing or empty although `control` has handed its telemetry over to one, unless it
  /// `mayBeNew`: what devices reported and which of their reports were acknowledged would be forgotten without a word.
  func prepareTelemetry(of control: Connection, mayBeNew: Bool) throws {
    var status = stat()
    let isThere = stat(telemetry, &status) == 0
    let isLost = try !isNew && !mayBeNew && Migrations.has(.telemetryApart, control)
    if isLost, !isThere || status.st_size == 0 { throw telemetryMissing(isEmpty: isThere) }
    if !isThere { try Self.create(telemetry) }
    guard isLost else { return }
    let connection = try Connection(SQLiteEngine(path: telemetry), .readOnly)
    defer { connection.close() }
    guard try Migrations.has(.reports, connection) else { throw telemetryMissing(isEmpty: true) }
  }

  private func telemetryMissing(isEmpty: Bool) -> StoreError {
    .databaseMissing(
      path: path, name: TelemetryStore.fileName, isEmpty: isEmpty, leftovers: ["rollcall.db"])
  }

  /// Where a backup is put until it is complete; a folder that has it is no data folder yet.
  static let restoring = "restoring"

  /// Removes the databases that this opening made.
  func removeDatabase() {
    guard isNew else { return }
    for suffix in ["", "-wal", "-shm", "-journal"] {
      unlink(database + suffix)
      unlink(telemetry + suffix)
    }
  }

  /// What there is that some database knew of, in words: "2 artifacts", "admin.key".
  static func leftovers(in path: String) throws(StoreError) -> [String] {
    var found = try names(in: path).filter { name in
      switch name {
      case "rollcall.db": false
      case TelemetryStore.fileName: hasReports(path + "/" + name)
      case "rollcall.db-wal", restoring: true
      default: name.hasSuffix(".key") || name.hasSuffix(".db")
      }
    }.sorted()
    do {
      let artifacts = try ArtifactFiles.digests(data: path).count
      if artifacts > 0 {
        found.insert(artifacts == 1 ? "1 artifact" : "\(artifacts) artifacts", at: 0)
      }
    } catch {
      throw .folderUnusable(path: path, reason: "\(error)")
    }
    return found
  }

  /// Whether a telemetry database holds anything: one that a first start made and nothing else does not. What cannot be read may.
  private static func hasReports(_ path: String) -> Bool {
    do {
      let connection = try Connection(SQLiteEngine(path: path), .readOnly)
      defer { connection.close() }
      guard try Migrations.has(.reports, connection) else { return false }
      return try connection.first("SELECT 1 FROM device_activity LIMIT 1") { _ in true } ?? false
    } catch {
      return true
    }
  }

  /// Takes the rights of group and others from everything of the server's that a looser mask once made. What else is in the folder
  /// is its owner's, and so is what a link points to.
  private static func makePrivate(_ path: String) throws(StoreError) {
    for name in try names(in: path) where isOwn(name) {
      let file = path + "/" + name
      var status = stat()
      guard lstat(file, &status) == 0, status.st_mode & S_IFMT != S_IFLNK,
        status.st_mode & 0o077 != 0
      else { continue }
      guard chmod(file, status.st_mode & 0o700) == 0 else {
        throw .folderUnusable(
          path: file, reason: "close to others: \(String(cString: strerror(errno)))")
      }
    }
  }

  /// Whether a name is one that the server gives: "rollcall.db-wal", "admin-2.key".
  private static func isOwn(_ name: String) -> Bool {
    if name == "lock" || name == "artifacts" { return true }
    if name.hasPrefix("admin"), name.hasSuffix(".key") {
      let number = name.dropFirst("admin".count).dropLast(".key".count)
      return number.isEmpty || (number.first == "-" && Int(number.dropFirst()) != nil)
    }
    return ["rollcall.db", TelemetryStore.fileName].contains { database in
      ["", "-wal", "-shm", "-journal"].contains { name == database + $0 }
    }
  }

  /// SQLite gives its log and index the rights of this file.
  private static func create(_ database: String) throws(StoreError) {
    let descriptor = open(database, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else {
      throw .folderUnusable(path: database, reason: String(cString: strerror(errno)))
    }
    close(descriptor)
  }

  /// The names in a folder.
  private static func names(in path: String) throws(StoreError) -> [String] {
    guard let directory = opendir(path) else {
      throw .folderUnusable(path: path, reason: "list: \(String(cString: strerror(errno)))")
    }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names
  }
}
