internal import Domain
internal import Glibc
internal import SQL

/// A copy of a data folder: both databases, the artifacts that their versions refer to, and a manifest. No keys: those that clients hold
/// are in the database by their digests.
///
/// Made beside a running server or without one, by another process on its machine: the server knows nothing of it. Whatever was
/// acknowledged before the backup began is in it.
///
/// **Why the parts fit each other.** The view of telemetry is taken first, that of the control plane right after it, both before anything
/// is copied. So telemetry never knows of a rollout or of a gate's window that the control plane does not; what it lacks are reports of
/// the moment between the two, as if their devices had not called yet. An artifact is on disk before its version says so and stays as long
/// as a version says so, hence all that the copied control plane refers to are there to be copied after it.
public enum Backup {
  /// The database files.
  static let databases = ["rollcall.db", TelemetryStore.fileName]

  /// How far a backup, a check or a restoration has come; told so that it can be shown, and ended by throwing.
  public enum Step: Sendable, Hashable {
    /// The views of both databases are taken: what is committed from here on is not in the backup.
    case begun
    case database(String, copied: Int, of: Int)
    case artifact(Int, of: Int)
    /// What is written is read back.
    case checking(String)
  }

  public struct Options: Sendable {
    /// By how many bytes the log of a database may grow while it is copied: it cannot be begun anew meanwhile.
    public var logLimit: Int64 = 1 << 30
    /// Goes on without artifacts that are lost already, and notes them in the manifest.
    public var leavesOutLost = false
    /// The version of the program, for the manifest.
    public var program = ""
    /// Milliseconds since 1970, for the manifest.
    public var now = StoreClock.nowMilliseconds()

    public init() {}
  }

  /// Makes a backup of the data folder `data` in a folder `target`, which must not be there or be empty.
  ///
  /// The folder appears complete, on disk and verified, or not at all. Throws ``BackupError``, or what `onStep` threw. Blocking.
  @discardableResult
  public static func make(
    of data: String, to target: String, _ options: Options = Options(),
    onStep: @escaping (Step) throws -> Void = { _ in }
  ) throws -> BackupManifest {
    for name in databases where BackupFile.size(data + "/" + name) == 0 {
      throw BackupError.noDatabase(path: data, name: name)
    }
    let folder = try PartialFolder(for: target, of: data)
    do {
      let manifest = try fill(folder.path, from: data, options, onStep)
      try BackupFile.write(manifest.text, to: "\(folder.path)/\(BackupManifest.fileName)")
      let found = try BackupCheck(folder.path, onStep).run()
      guard found == manifest else {
        throw BackupError.damaged(file: BackupManifest.fileName, reason: "it reads differently")
      }
      try folder.publish()
      return manifest
    } catch {
      folder.remove()
      throw error
    }
  }

  /// Reads all of a backup: sizes, digests, the databases' structure, the chains of the event log, that no artifact is missing. Changes
  /// nothing. Throws ``BackupError``, or what `onStep` threw. Blocking.
  @discardableResult
  public static func verify(
    _ path: String, onStep: @escaping (Step) throws -> Void = { _ in }
  ) throws -> BackupManifest {
    try BackupCheck(path, onStep).run()
  }

  private static func fill(
    _ folder: String, from data: String, _ options: Options, _ onStep: (Step) throws -> Void
  ) throws -> BackupManifest {
    var manifest = BackupManifest(
      program: options.program, createdAtMilliseconds: options.now, revision: 0, databases: [],
      artifacts: [], lost: [])
    let contents: [BackupManifest.Content]
    do {
      // In this order: see above.
      let telemetry = try View(data, TelemetryStore.fileName, TelemetryMigrations.all)
      defer { telemetry.snapshot.close() }
      let control = try View(data, "rollcall.db", Migrations.all)
      defer { control.snapshot.close() }
      try onStep(.begun)
      manifest.revision = try control.about { try EventLog(connection: $0).head() }
      contents = try control.about { try Self.contents($0) }
      func mayGoOn(_ view: View, _ copied: Int, _ total: Int) throws {
        try control.checkLog(options.logLimit)
        try telemetry.checkLog(options.logLimit)
        try onStep(.database(view.name, copied: copied, of: total))
      }
      // The log that mutations are waiting for is held for its own copy alone.
      for view in [control, telemetry] {
        manifest.databases.append(
          try view.copy(to: folder) { try mayGoOn(view, $0, $1) })
        view.snapshot.close()
      }
    }
    try BackupFile.makeFolder(folder + "/artifacts")
    for (index, content) in contents.enumerated() {
      try onStep(.artifact(index, of: contents.count))
      do {
        try copy(content, from: data, to: folder) {
          try onStep(.artifact(index, of: contents.count))
        }
        manifest.artifacts.append(content)
      } catch let error as BackupError {
        guard options.leavesOutLost, case .artifactLost = error else { throw error }
        manifest.lost.append(content)
      }
    }
    for parent in Set(manifest.artifacts.map { $0.digest.hex.prefix(2) }) {
      try BackupFile.sync("\(folder)/artifacts/\(parent)")
    }
    try BackupFile.sync(folder + "/artifacts")
    return manifest
  }

  private static func copy(
    _ content: BackupManifest.Content, from data: String, to folder: String,
    mayGoOn: () throws -> Void
  ) throws {
    let digest = content.digest.hex
    let (source, target) = ("\(data)/\(content.file)", "\(folder)/\(content.file)")
    try BackupFile.makeFolder("\(folder)/artifacts/\(digest.prefix(2))")
    do {
      let read = try BackupFile.copy(source, to: target, mayGoOn: mayGoOn)
      if read == (content.bytes, content.digest) { return }
      unlink(target)
      throw BackupError.artifactLost(
        digest: digest,
        reason: read.bytes == content.bytes
          ? "\(source) has the SHA-256 \(read.digest)"
          : "\(source) has \(read.bytes) bytes instead of \(content.bytes)")
    } catch BackupError.system(operation: "open", path: source, code: ENOENT) {
      throw BackupError.artifactLost(digest: digest, reason: "\(source) is not there")
    }
  }

  /// What versions refer to, by digest.
  static func contents(_ db: Connection) throws -> [BackupManifest.Content] {
    try db.all(
      """
      SELECT artifact_sha256, min(artifact_size) FROM model_versions
      WHERE artifact_sha256 IS NOT NULL GROUP BY artifact_sha256 ORDER BY artifact_sha256
      """
    ) { row in
      BackupManifest.Content(
        digest: ContentDigest(unchecked: try row[0]), bytes: try row.get(1, as: Int64.self))
    }
  }

  /// A database as it is at one moment.
  private struct View {
    let name: String
    let snapshot: SQLiteSnapshot
    private let schema: Int
    private let log: String
    private let logBytes: Int64

    init(_ data: String, _ name: String, _ migrations: [Migration]) throws {
      self.name = name
      log = "\(data)/\(name)-wal"
      logBytes = BackupFile.size(log)
      (snapshot, schema) = try BackupError.about(name) {
        let snapshot = try SQLiteSnapshot(path: "\(data)/\(name)")
        let found = try Migrations.newest(in: snapshot.connection, migrations)
        let needed = migrations.map(\.version).max() ?? 0
        guard found == needed else {
          throw BackupError.olderDatabase(name: name, found: found, needed: needed)
        }
        return (snapshot, found)
      }
    }

    func about<R>(_ body: (Connection) throws -> R) throws -> R {
      try BackupError.about(name) { try body(snapshot.connection) }
    }

    /// Fails when the log has grown by more than `limit` bytes.
    func checkLog(_ limit: Int64) throws {
      let grown = BackupFile.size(log) - logBytes
      if grown > limit { throw BackupError.logTooLong(file: log, bytes: grown, limit: limit) }
    }

    func copy(
      to folder: String, _ onStep: (Int, Int) throws -> Void
    ) throws -> BackupManifest.Database {
      let path = "\(folder)/\(name)"
      // SQLite would give it the rights of the mask.
      try BackupFile.write("", to: path)
      var synced = 0
      try BackupError.about(name) {
        try snapshot.copy(to: path) { copied, total in
          if copied - synced >= Self.syncEvery {
            synced = copied
            try BackupFile.sync(path)
          }
          try onStep(copied, total)
        }
      }
      try BackupFile.sync(path)
      let (bytes, digest) = try BackupFile.measure(path)
      return .init(name: name, bytes: bytes, digest: digest, schema: schema)
    }

    /// Pages.
    private static let syncEvery = 4_096
  }
}
