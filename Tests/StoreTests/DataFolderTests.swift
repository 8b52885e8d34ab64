import Domain
import Glibc
import SQL
import Testing

@testable import Store

@Suite struct DataFolderTests {
  private static func mode(_ path: String) -> mode_t {
    var status = stat()
    return stat(path, &status) == 0 ? status.st_mode & 0o777 : 0
  }

  private static func isThere(_ path: String) -> Bool { access(path, F_OK) == 0 }

  private static func make(_ path: String, _ text: String = "") {
    let descriptor = open(path, O_WRONLY | O_CREAT, 0o644)
    #expect(descriptor >= 0)
    _ = write(descriptor, text, text.utf8.count)
    close(descriptor)
  }

  /// The folder of an artifact that nothing refers to.
  private static func addArtifact(_ path: String) {
    let hex = String(repeating: "ab", count: 32)
    mkdir(path + "/artifacts", 0o700)
    mkdir(path + "/artifacts/ab", 0o700)
    make("\(path)/artifacts/ab/\(hex)", "x")
  }

  @Test
  func `everything in the folder is the owner's alone, whatever the folder and the mask allow`()
    async throws
  {
    let path = TemporaryStore.folder()
    defer { TemporaryStore.remove(path) }
    chmod(path, 0o755)
    for round in 0..<2 {
      let store = try Store.open(path)
      try await store.write { _ = try $0.append(.sample("a")) }
      for name in ["rollcall.db", "rollcall.db-wal", "rollcall.db-shm", "lock"] {
        #expect(Self.mode(path + "/" + name) == 0o600, "\(name), round \(round)")
      }
      store.close()
      // As an earlier version left it.
      chmod(path + "/rollcall.db", 0o644)
      Self.make(path + "/admin.key", "sk-")
    }
    #expect(Self.mode(path + "/admin.key") == 0o600)
  }

  struct Loss: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let leftovers: [String]
    let isEmpty: Bool
    let make: @Sendable (String) -> Void
  }

  static let losses = [
    Loss(testDescription: "artifacts", leftovers: ["1 artifact"], isEmpty: false) {
      addArtifact($0)
    },
    Loss(testDescription: "a key", leftovers: ["admin.key"], isEmpty: false) {
      make($0 + "/admin.key", "sk-")
    },
    Loss(testDescription: "a log", leftovers: ["rollcall.db-wal"], isEmpty: false) {
      make($0 + "/rollcall.db-wal", "x")
    },
    Loss(
      testDescription: "artifacts and an empty file", leftovers: ["1 artifact"], isEmpty: true
    ) {
      addArtifact($0)
      make($0 + "/rollcall.db")
    },
  ]

  @Test func `what is not the server's own keeps its rights, and a link what it points to`() throws
  {
    let path = TemporaryStore.folder()
    let elsewhere = TemporaryStore.folder()
    defer {
      TemporaryStore.remove(path)
      TemporaryStore.remove(elsewhere)
    }
    try Store.open(path).close()
    let foreign = ["notes.db.txt", "other.db", "server.key", "admin.key.pub", "admin-x.key"]
    for file in foreign.map({ path + "/" + $0 }) + [elsewhere + "/key", path + "/admin-2.key"] {
      Self.make(file)
      try #require(chmod(file, 0o644) == 0)
    }
    try #require(symlink(elsewhere + "/key", path + "/admin-3.key") == 0)
    try #require(chmod(path + "/rollcall.db", 0o666) == 0)
    try Store.open(path).close()
    for name in foreign { #expect(Self.mode(path + "/" + name) == 0o644, "\(name)") }
    #expect(Self.mode(elsewhere + "/key") == 0o644)
    #expect(Self.mode(path + "/admin-2.key") == 0o600)
    #expect(Self.mode(path + "/rollcall.db") == 0o600)
  }

  @Test(arguments: losses)
  func `a folder that lost its database is refused and stays as it is`(loss: Loss) throws {
    let path = TemporaryStore.folder()
    defer { TemporaryStore.remove(path) }
    loss.make(path)
    #expect(
      throws: StoreError.databaseMissing(
        path: path, isEmpty: loss.isEmpty, leftovers: loss.leftovers)
    ) { try Store.open(path) }
    #expect(try DataFolder.leftovers(in: path) == loss.leftovers)
    #expect(Self.isThere(path + "/rollcall.db") == loss.isEmpty)
    // The lock is free: the same again is refused for the same reason.
    #expect(throws: StoreError.self) { try Store.open(path) }
  }

  @Test(arguments: ["missing", "empty", "another database"])
  func `a folder that lost its telemetry is refused, unless it may be new`(loss: String)
    async throws
  {
    let path = TemporaryStore.folder()
    defer { TemporaryStore.remove(path) }
    try Store.open(path).close()
    let telemetry = path + "/telemetry.db"
    unlink(telemetry)
    if loss == "empty" { Self.make(telemetry) }
    if loss == "another database" {
      let other = try Connection(SQLiteEngine(path: telemetry), .readWrite)
      try other.runScript("CREATE TABLE other (id INTEGER)")
      other.close()
    }
    for _ in 0..<2 {
      #expect(
        throws: StoreError.databaseMissing(
          path: path, name: "telemetry.db", isEmpty: loss != "missing", leftovers: ["rollcall.db"])
      ) { try Store.open(path) }
      #expect(Self.isThere(telemetry) == (loss != "missing"), "it stays as it is")
    }
    var configuration = StoreConfiguration()
    configuration.mayHaveNewTelemetry = true
    try Store.open(path, configuration).close()
    try Store.open(path).close()
    #expect(Self.mode(telemetry) == 0o600)
  }

  @Test func `a first start that was killed between its two databases begins again`() async throws {
    let path = TemporaryStore.folder()
    defer { TemporaryStore.remove(path) }
    try Store.open(path).close()
    unlink(path + "/rollcall.db")
    Self.make(path + "/rollcall.db")
    try Store.open(path).close()
    // With a report in it it is what is left of another server.
    let second = try Store.open(path)
    try await FleetActivity(second).take(
      DeviceID("d1"), numbers: [1], now: Timestamp(milliseconds: 1), told: { _ in .nothing }
    ).isOnDisk()
    second.close()
    unlink(path + "/rollcall.db")
    #expect(
      throws: StoreError.databaseMissing(path: path, isEmpty: false, leftovers: ["telemetry.db"])
    ) { try Store.open(path) }
  }

  @Test func `an opening that fails leaves no folder, no database and no lock`() throws {
    let parent = TemporaryStore.folder()
    defer { TemporaryStore.remove(parent) }
    let path = parent + "/data"
    let broken = Migration(version: 1_000, name: "Broken", sql: "CREATE TABLE;")
    #expect(throws: StoreError.self) {
      try Store.open(path, StoreConfiguration(), migrations: Migrations.all + [broken]) { $0 }
    }
    #expect(!Self.isThere(path))
    let store = try Store.open(path)
    store.close()
    #expect(throws: StoreError.self) {
      try Store.open(path, StoreConfiguration(), migrations: Migrations.all + [broken]) { $0 }
    }
    #expect(Self.isThere(path + "/rollcall.db"), "not made by the opening that failed")
    try Store.open(path).close()
  }

  @Test func `a start that is given up takes back what it made and nothing else`() throws {
    let parent = TemporaryStore.folder()
    defer { TemporaryStore.remove(parent) }
    let path = parent + "/data"
    let first = try Store.open(path)
    #expect(first.isNew)
    Self.make(path + "/admin.key", "sk-")
    mkdir(path + "/artifacts", 0o700)
    first.abandon(["admin.key", "artifacts"])
    #expect(!Self.isThere(path))
    try Store.open(path).close()
    Self.make(path + "/admin.key", "sk-")
    let second = try Store.open(path)
    #expect(!second.isNew)
    second.abandon(["admin.key", "artifacts"])
    #expect(Self.isThere(path + "/rollcall.db"))
    #expect(Self.isThere(path + "/admin.key"))
  }

  @Test func `a lock that another process holds is said`() async throws {
    let temporary = try TemporaryStore()
    let other = try Connection(SQLiteEngine(path: temporary.path + "/rollcall.db"), .readWrite)
    defer { other.close() }
    try other.runScript("BEGIN IMMEDIATE")
    await #expect(throws: StoreError.locked) {
      try await temporary.store.write { _ = try $0.append(.sample("a")) }
    }
    try other.runScript("ROLLBACK")
    #expect(try await temporary.store.write { try $0.append(.sample("a")) } == 1)
  }
}
