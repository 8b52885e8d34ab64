import Domain
import Glibc
import SQL
import Synchronization
import Testing

@testable import Store

@Suite struct BackupTests {
  private static func events(_ path: String) throws -> [Int64] {
    let snapshot = try SQLiteSnapshot(path: path)
    defer { snapshot.close() }
    return try EventLog(connection: snapshot.connection).page(after: 0, org: nil, limit: 100_000)
      .map(\.revision)
  }

  @Test func `a backup of a live store is restored with all of it, closed to others`() async throws
  {
    let sample = try await BackupSample()
    let revision = try sample.store.read { try $0.revision() }
    let made = try sample.make()
    #expect(made.revision == revision)
    #expect(Set(made.artifacts.map(\.digest)) == Set(sample.artifacts.map(\.digest)))
    #expect(try Backup.verify(sample.backup) == made)
    #expect(!BackupSample.exists(sample.backup + ".partial"))
    #expect(BackupSample.mode(sample.backup) == 0o700)
    let files = ["rollcall.db", "telemetry.db", "manifest"].map { sample.backup + "/" + $0 }
    for file in files + sample.artifacts.map({ sample.path($0, in: sample.backup) }) {
      #expect(BackupSample.mode(file) == 0o600, "\(file)")
    }
    // No key, no lock, no log.
    #expect(
      try BackupFile.names(sample.backup) == [
        "artifacts", "manifest", "rollcall.db", "telemetry.db",
      ])

    #expect(try Backup.restore(sample.backup, to: sample.restored) == made)
    let store = try Store.open(sample.restored)
    defer { store.close() }
    #expect(!store.isNew)
    #expect(try store.read { try $0.revision() } == revision)
    #expect(
      try store.telemetry.read { try DeviceActivities($0).acknowledgedSequence(of: DeviceID("d1")) }
        == 2)
    let restored = try ArtifactFiles(data: sample.restored)
    defer { restored.close() }
    for artifact in sample.artifacts {
      let reader = try await restored.open(artifact)
      #expect(try await reader.read(at: 0, count: 4_000_000).count == Int(artifact.size))
    }
    // It goes on, and its log with it.
    #expect(try await store.write { try $0.append(.sample(org: "o1", "later")) } == revision + 1)
    for org in ["o1", "o2"] {
      let events = try store.read { try EventLog($0).page(after: 0, org: org, limit: 100) }
      #expect(EventChain.firstBreak(in: events, after: EventChain.start) == nil)
    }
  }

  @Test func `what is written after the views were taken is in neither copy`() async throws {
    let sample = try await BackupSample()
    let before = try Self.events(sample.data + "/rollcall.db")
    let made = try Backup.make(of: sample.data, to: sample.backup) { step in
      guard step == .begun else { return }
      for (name, sql) in [
        ("rollcall.db", "UPDATE orgs SET display_name = 'later'"),
        ("telemetry.db", "UPDATE device_activity SET acknowledged_sequence = 99"),
      ] {
        let other = try Connection(SQLiteEngine(path: "\(sample.data)/\(name)"), .readWrite)
        defer { other.close() }
        try other.runScript(sql)
      }
    }
    #expect(made.revision == before.last)
    #expect(try Self.events(sample.backup + "/rollcall.db") == before)
    let control = try SQLiteSnapshot(path: sample.backup + "/rollcall.db")
    let telemetry = try SQLiteSnapshot(path: sample.backup + "/telemetry.db")
    let renamed = try control.connection.first(
      "SELECT count(*) FROM orgs WHERE display_name = 'later'"
    ) { try $0.get(0, as: Int.self) }
    let sequence = try telemetry.connection.first(
      "SELECT max(acknowledged_sequence) FROM device_activity"
    ) { try $0.get(0, as: Int.self) }
    #expect(renamed == 0)
    #expect(sequence == 2)
  }

  @Test
  func `writes are committed while a backup holds its views, and are not in it`() async throws {
    let sample = try await BackupSample()
    let (begun, ended, isCommitted) = (Signal(), Signal(), Monitor(false))
    let (data, backup) = (sample.data, sample.backup)
    let outcome = Outcome()
    let thread = WorkerThread(name: "backup") {
      let made = Result {
        try Backup.make(of: data, to: backup) { step in
          guard step == .begun else { return }
          begun.fire()
          _ = isCommitted.wait { $0 ? true : nil }
        }
      }
      outcome.manifest.withLock { $0 = made }
      ended.fire()
    }
    await begun.wait()
    let before = try sample.store.read { try $0.revision() }
    for index in 0..<100 {
      try await sample.store.write { _ = try $0.append(.sample(org: "o1", "\(index)")) }
    }
    isCommitted.withLock { $0 = true }
    isCommitted.broadcast()
    await ended.wait()
    thread.join()
    #expect(try outcome.manifest.withLock { $0 }?.get().revision == before)
    #expect(try Self.events(sample.backup + "/rollcall.db") == Array(1...before))
    #expect(try sample.store.read { try $0.revision() } == before + 100)
  }

  private final class Outcome: Sendable {
    let manifest = Mutex<Result<BackupManifest, any Error>?>(nil)
  }

  /// Has `run` ended at its first step, then at its second, until it is not ended; calls `check` after each but the last.
  private func endEverywhere(
    _ run: (@escaping (Backup.Step) throws -> Void) throws -> Void, check: (Int) throws -> Void
  ) throws -> Int {
    struct Ended: Error {}
    for steps in 0... {
      var rest = steps
      do {
        try run { _ in
          if rest == 0 { throw Ended() }
          rest -= 1
        }
        return steps
      } catch is Ended {
        try check(steps)
      }
    }
    return 0
  }

  @Test func `a backup or a restoration that is ended leaves nothing behind`() async throws {
    let sample = try await BackupSample()
    let made = try endEverywhere {
      try Backup.make(of: sample.data, to: sample.backup, onStep: $0)
    } check: { step in
      let left = try BackupFile.names(sample.place)
      #expect(left == [], "step \(step)")
    }
    // Begun, two copies, two artifacts in parts, and reading all of it back.
    #expect(made > 10)
    let restored = try endEverywhere {
      try Backup.restore(sample.backup, to: sample.restored, onStep: $0)
    } check: { step in
      let left = try BackupFile.names(sample.place)
      #expect(left == ["backup"], "step \(step)")
    }
    #expect(restored > 10)
    try Store.open(sample.restored).close()
  }

  @Test func `what a killed backup left is cleared by the next, what somebody put there is not`()
    async throws
  {
    let sample = try await BackupSample()
    let partial = sample.backup + ".partial"
    mkdir(partial, 0o755)
    mkdir(partial + "/artifacts", 0o700)
    mkdir(partial + "/artifacts/ab", 0o700)
    try BackupFile.write("x", to: partial + "/artifacts/ab/" + String(repeating: "ab", count: 32))
    try BackupFile.write("x", to: partial + "/rollcall.db")
    try BackupFile.write("x", to: partial + "/notes")
    #expect(throws: BackupError.notEmpty(path: partial, found: ["notes"])) { try sample.make() }
    unlink(partial + "/notes")
    try sample.make()
    #expect(!BackupSample.exists(partial))
    #expect(BackupSample.mode(sample.backup) == 0o700)
  }

  @Test func `a place that is taken, within the data or being written to is refused`() async throws
  {
    let sample = try await BackupSample()
    mkdir(sample.backup, 0o700)
    try BackupFile.write("x", to: sample.backup + "/other")
    #expect(throws: BackupError.notEmpty(path: sample.backup, found: ["other"])) {
      try sample.make()
    }
    unlink(sample.backup + "/other")
    let lock = try FolderLock(folder: sample.backup + ".partial")
    #expect(
      throws: BackupError.inUse(path: sample.backup + ".partial", owner: "process \(getpid())")
    ) { try sample.make() }
    lock.releaseAndRemove()
    let inner = sample.data + "/backup"
    #expect(throws: BackupError.nested(path: inner, of: sample.data)) {
      try Backup.make(of: sample.data, to: inner)
    }
    // An empty folder is taken.
    try sample.make()
    #expect(throws: BackupError.nested(path: sample.backup + "/data", of: sample.backup)) {
      try Backup.restore(sample.backup, to: sample.backup + "/data")
    }
    #expect(throws: BackupError.self) { try Backup.restore(sample.backup, to: sample.data) }
    #expect(try sample.store.read { try $0.revision() } > 0)
  }

  @Test func `a folder without one of the databases is no data folder`() async throws {
    let sample = try await BackupSample()
    for name in Backup.databases {
      let empty = TemporaryStore.folder()
      defer { TemporaryStore.remove(empty) }
      for other in Backup.databases where other != name {
        try BackupFile.write("x", to: empty + "/" + other)
      }
      #expect(throws: BackupError.noDatabase(path: empty, name: name)) {
        try Backup.make(of: empty, to: sample.backup)
      }
    }
    #expect(try BackupFile.names(sample.place) == [])
  }

  @Test func `a log that grows by too much ends the backup`() async throws {
    let sample = try await BackupSample()
    var options = Backup.Options()
    options.logLimit = -1
    #expect(throws: BackupError.self) { try sample.make(options) }
    #expect(try BackupFile.names(sample.place) == [])
  }

  @Test(arguments: [false, true])
  func `an artifact that is lost already ends the backup, or is noted`(isThere: Bool) async throws {
    let sample = try await BackupSample()
    let lost = sample.artifacts[1]
    let path = sample.path(lost, in: sample.data)
    if isThere { BackupSample.damage(path) } else { unlink(path) }
    let error = #expect(throws: BackupError.self) { try sample.make() }
    guard case .artifactLost(lost.digest.hex, _) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(try BackupFile.names(sample.place) == [])
    var options = Backup.Options()
    options.leavesOutLost = true
    let made = try sample.make(options)
    #expect(made.lost == [.init(digest: lost.digest, bytes: lost.size)])
    #expect(made.artifacts.count == 1)
    #expect(try Backup.restore(sample.backup, to: sample.restored) == made)
    #expect(!BackupSample.exists(sample.path(lost, in: sample.restored)))
  }
}
