import SQL
import Testing

@testable import Store

@Suite struct MigrationTests {
  private let table = Migration(
    version: 1_000, name: "Table", sql: "CREATE TABLE things (id TEXT NOT NULL) STRICT;")

  private func open(_ path: String, _ migrations: [Migration]) throws(StoreError) -> Store {
    try Store.open(path, StoreConfiguration(), migrations: migrations) { $0 }
  }

  private func withFolder(_ body: (String) throws -> Void) throws {
    let path = TemporaryStore.folder()
    defer { TemporaryStore.remove(path) }
    try body(path)
  }

  @Test func `the shipped migrations are numbered, named and unique`() {
    #expect(Set(Migrations.all.map(\.version)).count == Migrations.all.count)
    #expect(Set(Migrations.all.map(\.name)).count == Migrations.all.count)
    #expect(Migrations.all.map(\.version) == Migrations.all.map(\.version).sorted())
  }

  @Test func `every shipped table is strict and every constraint named`() throws {
    try withFolder { path in
      let store = try open(path, Migrations.all)
      defer { store.close() }
      let tables = try store.read { db in
        try db.connection.all(
          "SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        ) { row in (try row.get(0, as: String.self), try row.get(1, as: String.self)) }
      }
      #expect(tables.count >= 6)
      for (name, sql) in tables {
        let tail = sql.drop { $0 != "(" }.reversed().prefix { $0 != ")" }
        #expect(String(tail.reversed()).contains("STRICT"), "\(name)")
        #expect(!sql.contains("DEFERRABLE"), "\(name)")
      }
    }
  }

  @Test func `missing migrations are applied once, whatever the order they were landed in`() throws
  {
    try withFolder { path in
      try open(path, [.core, table]).close()
      let between = Migration(
        version: 500, name: "Between", sql: "CREATE TABLE between_things (id TEXT) STRICT;")
      let store = try open(path, [.core, between, table])
      defer { store.close() }
      let versions = try store.read { db in
        try db.connection.all("SELECT version FROM schema_migrations ORDER BY version") {
          try $0.get(0, as: Int.self)
        }
      }
      #expect(versions == [1, 500, 1_000])
    }
  }

  @Test func `a database newer than the binary is refused, naming both versions`() throws {
    try withFolder { path in
      try open(path, [.core, table]).close()
      #expect(throws: StoreError.newerDatabase(found: 1_000, supported: 1)) {
        try open(path, [.core])
      }
      #expect(
        StoreError.newerDatabase(found: 1_000, supported: 1).description
          == "the database has schema version 1000, this binary supports up to 1")
      try open(path, [.core, table]).close()
    }
  }

  @Test func `an applied migration that was edited is refused`() throws {
    try withFolder { path in
      try open(path, [.core, table]).close()
      let edited = Migration(version: 1_000, name: "Table", sql: table.sql + " ")
      #expect(throws: StoreError.changedMigration(version: 1_000, name: "Table")) {
        try open(path, [.core, edited])
      }
    }
  }

  @Test func `a migration that fails in the middle leaves nothing behind`() throws {
    try withFolder { path in
      let broken = Migration(
        version: 2, name: "Broken", sql: "CREATE TABLE half (id TEXT) STRICT; CREATE TABLE (;")
      #expect {
        try open(path, [.core, broken])
      } throws: { error in
        guard case .failure = error as? StoreError else { return false }
        return true
      }
      let store = try open(path, [.core])
      defer { store.close() }
      let half = try store.read { db in
        try db.connection.first("SELECT count(*) FROM sqlite_schema WHERE name = 'half'") {
          try $0.get(0, as: Int.self)
        }
      }
      #expect(half == 0)
    }
  }
}
