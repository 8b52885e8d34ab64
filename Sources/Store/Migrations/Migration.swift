internal import Crypto
internal import Domain
internal import SQL

/// One step of the schema. Append-only: once released, neither its number nor its text changes.
///
/// **To add one**, write `Migrations/000N_Area.swift` with the next free number,
///
/// ```swift
/// extension Migration {
///   static let devices = Migration(version: 4, name: "Devices", sql: """
///     CREATE TABLE devices (
///       org TEXT NOT NULL,
///       id TEXT NOT NULL,
///       name TEXT NOT NULL,
///       created_at_ms INTEGER NOT NULL,
///       CONSTRAINT devices_pkey PRIMARY KEY (id),
///       CONSTRAINT devices_org_name UNIQUE (org, name)
///     ) STRICT;
///     """)
/// }
/// ```
///
/// and add it to `Migrations.all`. Rules: STRICT tables; every constraint named
/// `<table>_<column>_<column>` (so that violations carry the same name on every engine); times are
/// INTEGER milliseconds with `_ms` in the name; bytes are BLOB, booleans INTEGER 0/1, ids UUIDv7
/// TEXT; nothing DEFERRABLE (a violation must fail its own closure, not the commit it shares);
/// an index for every query that a read closure runs.
struct Migration: Sendable {
  let version: Int
  let name: String
  let sql: String

  /// SHA-256 of the text, in hexadecimal: an applied migration that was edited is refused.
  var digest: String {
    Hex.encode(SHA256.hash(data: Array(sql.utf8)))
  }
}

/// The schema's history and its application.
enum Migrations {
  /// In order of version. Numbers may be landed out of order; what is missing is applied.
  static let all: [Migration] = [
    .core, .auth, .catalog, .devices, .deployments, .deviceLists, .replaced,
    .artifactReferences, .deploymentTargets, .refusals, .keptFailures, .deviceCredentials,
    .listIndexes, .telemetryApart, .revokedDevices, .firstUse, .sequenceResets, .fleetSteps,
  ]

  /// Brings the schema to this binary's version, one transaction for each step; `before` is called ahead of each that is missing.
  ///
  /// Fails with `.newerDatabase` when the database holds a step that `migrations` lacks, and with
  /// `.changedMigration` when an applied one has another text; nothing is changed then.
  static func apply(
    _ migrations: [Migration] = all, to db: Connection, now: Int64,
    before: (Migration) throws -> Void = { _ in }
  ) throws(StoreError) {
    do {
      try db.runScript(
        """
        CREATE TABLE IF NOT EXISTS schema_migrations (
          version INTEGER NOT NULL,
          name TEXT NOT NULL,
          digest TEXT NOT NULL,
          applied_at_ms INTEGER NOT NULL,
          CONSTRAINT schema_migrations_pkey PRIMARY KEY (version)
        ) STRICT;
        """)
      let done = try applied(in: db, migrations)
      for step in migrations.sorted(by: { $0.version < $1.version })
      where !done.contains(step.version) {
        try before(step)
        try apply(step, to: db, now: now)
      }
    } catch let error as SQLError {
      throw StoreError(error)
    } catch let error as StoreError {
      throw error
    } catch {
      throw .failure("\(error)")
    }
  }

  /// The steps that a database lacks.
  static func missing(in db: Connection) throws -> [String] {
    let done = try applied(in: db, all)
    return all.filter { !done.contains($0.version) }.map { "\($0.version) \($0.name)" }
  }

  static func hasTable(_ name: String, _ db: Connection) throws -> Bool {
    try db.first("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = $1", name) { _ in
      true
    } ?? false
  }

  /// Whether a step was applied; false for a database without any.
  static func has(_ step: Migration, _ db: Connection) throws -> Bool {
    guard try hasTable("schema_migrations", db) else { return false }
    return try db.first("SELECT 1 FROM schema_migrations WHERE version = $1", step.version) { _ in
      true
    } ?? false
  }

  /// The newest step that a database has; 0 when it has none.
  ///
  /// Fails with `.newerDatabase` and `.changedMigration` as ``apply(_:to:now:before:)`` does.
  static func newest(in db: Connection, _ migrations: [Migration]) throws -> Int {
    try applied(in: db, migrations).max() ?? 0
  }

  /// The steps that a database has, each known to `migrations` and unchanged.
  private static func applied(in db: Connection, _ migrations: [Migration]) throws -> Set<Int> {
    let applied = try db.all(
      "SELECT version, name, digest FROM schema_migrations ORDER BY version"
    ) { row in
      (
        version: try row.get(0, as: Int.self), name: try row.get(1, as: String.self),
        digest: try row.get(2, as: String.self)
      )
    }
    for step in applied {
      guard let known = migrations.first(where: { $0.version == step.version }) else {
        throw StoreError.newerDatabase(
          found: applied.map(\.version).max() ?? step.version,
          supported: migrations.map(\.version).max() ?? 0)
      }
      if known.digest != step.digest {
        throw StoreError.changedMigration(version: step.version, name: step.name)
      }
    }
    return Set(applied.map(\.version))
  }

  private static func apply(
    _ step: Migration, to db: Connection, now: Int64
  ) throws(SQLError) {
    try db.runScript("BEGIN IMMEDIATE")
    do {
      try db.runScript(step.sql)
      try db.execute(
        "INSERT INTO schema_migrations (version, name, digest, applied_at_ms) VALUES ($1, $2, $3, $4)",
        step.version, step.name, step.digest, now)
      try db.runScript("COMMIT")
    } catch {
      if db.isInTransaction { try? db.runScript("ROLLBACK") }
      throw error
    }
  }
}
