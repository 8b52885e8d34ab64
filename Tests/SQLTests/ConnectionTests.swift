import Glibc
import Synchronization
import Testing

@testable import SQL

/// Runs `body` with a new database file that is removed afterwards.
func withDatabase(
  _ options: SQLiteEngine.Options = .init(), _ body: (SQLiteEngine) throws -> Void
) throws {
  var template = Array("/tmp/sql-test-XXXXXX".utf8CString)
  guard mkdtemp(&template) != nil else { fatalError("mkdtemp failed: \(errno)") }
  let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  defer {
    for name in ["test.db", "test.db-wal", "test.db-shm"] { unlink(path + "/" + name) }
    rmdir(path)
  }
  try body(SQLiteEngine(path: path + "/test.db", options: options))
}

/// As above, with a connection already open.
func withConnection(
  _ options: SQLiteEngine.Options = .init(), _ body: (Connection) throws -> Void
) throws {
  try withDatabase(options) { engine throws in
    let db = try Connection(engine, .readWrite)
    defer { db.close() }
    try body(db)
  }
}

/// The one integer that `sql` selects.
func number(_ db: Connection, _ sql: StaticString) throws -> Int? {
  try db.first(sql) { try $0.get(0, as: Int.self) }
}

@Suite struct ConnectionTests {
  @Test func `values of every type come back as they were bound`() throws {
    try withDatabase { engine throws in
      let db = try Connection(engine, .readWrite)
      try db.runScript(
        "CREATE TABLE t (i INTEGER, r REAL, s TEXT, b BLOB, n TEXT, f INTEGER) STRICT")
      let texts = ["", "a\u{0}b", "žluťoučký", String(repeating: "x", count: 100_000)]
      let blobs: [[UInt8]] = [[], [0], Array(0...255), [UInt8](repeating: 7, count: 100_000)]
      for (text, blob) in zip(texts, blobs) {
        try db.execute("DELETE FROM t")
        try db.execute(
          "INSERT INTO t VALUES ($1, $2, $3, $4, $5, $6)", Int64.min, -0.5, text, blob,
          nil as String?, true)
        let row = try db.first("SELECT i, r, s, b, n, f FROM t") { row in
          (
            try row.get(0, as: Int64.self), try row.get(1, as: Double.self),
            try row.get(2, as: String.self), try row.get(3, as: [UInt8].self),
            try row.get(4, as: String?.self), try row.get(5, as: Bool.self)
          )
        }
        let found = try #require(row)
        #expect(found.0 == .min && found.1 == -0.5 && found.2 == text && found.3 == blob)
        #expect(found.4 == nil && found.5)
      }
    }
  }

  @Test func `values of any length stand beside each other, execution after execution`() throws {
    try withConnection { db throws in
      // Short ones are kept beside the statement, long ones and those for which no room is left by the engine.
      let lengths = [0, 1, 15, 16, 300, 511, 512, 513, 1_023, 1_024, 1_025, 5_000]
      for first in lengths {
        for second in lengths {
          let text = String(repeating: "a", count: first)
          let blob = [UInt8](repeating: 98, count: second)
          let found = try db.first(
            "SELECT $1, $2, $3, $4, $1", text, blob, "c\(second)", [UInt8](text.utf8)
          ) { row in
            // A value that is bound meanwhile, to the same text in another cursor, changes none of these.
            _ = try db.first(
              "SELECT $1, $2, $3, $4, $1", "x", [1], String(repeating: "y", count: 900), [2]
            ) { try $0.get(2, as: String.self) }
            return try (
              row.get(0, as: String.self), row.get(1, as: [UInt8].self),
              row.get(2, as: String.self), row.get(3, as: [UInt8].self),
              row.get(4, as: String.self)
            )
          }
          let row = try #require(found)
          #expect(row.0 == text && row.4 == text)
          #expect(row.1 == blob)
          #expect(row.2 == "c\(second)")
          #expect(row.3 == [UInt8](text.utf8))
        }
      }
    }
  }

  @Test func `parameters are found by their number, in any order and repeated`() throws {
    try withConnection { db throws in
      let text = try db.first("SELECT $2 || $1 || $2 || $3", "a", "b", "c") { row in
        try row.get(0, as: String.self)
      }
      #expect(text == "babc")
    }
  }

  @Test func `a wrong number of parameters is refused, naming both`() throws {
    try withConnection { db throws in
      #expect(
        throws: SQLError.invalidStatement("the statement has 2 parameters, 1 were given")
      ) { try db.first("SELECT $1, $2", 1) { _ in } }
      #expect(throws: SQLError.invalidStatement("the statement has 1 parameters, $2 was given")) {
        try db.first("SELECT $1", 1, 2) { _ in }
      }
    }
  }

  @Test func `gaps in the parameter numbers are refused`() throws {
    try withConnection { db throws in
      #expect(
        throws: SQLError.invalidStatement("parameters must be $1 to $2 without gaps, found $3")
      ) { try db.first("SELECT $1, $3", 1, 2) { _ in } }
    }
  }

  @Test(arguments: [
    ("INSERT INTO t (id, a, b) VALUES (1, 1, 1)", ConstraintKind.unique, "t_a_b"),
    ("INSERT INTO t (id, a) VALUES (0, 5)", .primaryKey, "t_id"),
    ("INSERT INTO t (id, a) VALUES (2, NULL)", .notNull, "t_a"),
    ("INSERT INTO t (id, a) VALUES (2, -1)", .check, "t_a_positive"),
    ("INSERT INTO t (id, a, parent) VALUES (2, 3, 99)", .foreignKey, ""),
    ("INSERT INTO t (id, a) VALUES (2, 'text')", .dataType, ""),
  ])
  func `a violated constraint is reported by kind and name`(
    sql: String, kind: ConstraintKind, name: String
  ) throws {
    try withConnection { db throws in
      try db.runScript(
        """
          CREATE TABLE t (
            id TEXT NOT NULL, a INTEGER NOT NULL, b INTEGER NOT NULL DEFAULT 0, parent TEXT,
            CONSTRAINT t_pkey PRIMARY KEY (id), CONSTRAINT t_a_b UNIQUE (a, b),
            CONSTRAINT t_a_positive CHECK (a >= 0),
            CONSTRAINT t_parent FOREIGN KEY (parent) REFERENCES t (id)
          ) STRICT;
          INSERT INTO t (id, a, b) VALUES ('0', 1, 1);
        """)
      do {
        try db.runScript(sql)
        Issue.record("\(sql) was accepted")
      } catch SQLError.constraint(let foundKind, let foundName) {
        #expect(foundKind == kind)
        if kind != .dataType { #expect(foundName == name) }
      }
    }
  }

  @Test func `a column of another type is a mismatch that names it`() throws {
    try withConnection { db throws in
      #expect(
        throws: SQLError.mismatch(column: "size", expected: "an integer", found: "text")
      ) { try db.first("SELECT 'big' AS size") { try $0.get(0, as: Int64.self) } }
      #expect(throws: SQLError.mismatch(column: "size", expected: "text", found: "NULL")) {
        try db.first("SELECT NULL AS size") { try $0.get(0, as: String.self) }
      }
    }
  }

  @Test func `a query inside the row closure of the same query has its own cursor`() throws {
    try withConnection { db throws in
      func count(_ depth: Int) throws -> Int {
        try db.all("SELECT 1 UNION ALL SELECT 2") { _ in depth == 0 ? 1 : try count(depth - 1) }
          .reduce(0, +)
      }
      #expect(try count(3) == 16)
      #expect(db.cachedStatements == 1)
    }
  }

  @Test func `a reading connection refuses every write`() throws {
    try withDatabase { engine throws in
      let writer = try Connection(engine, .readWrite)
      try writer.runScript("CREATE TABLE t (i INTEGER) STRICT")
      let reader = try Connection(engine, .readOnly)
      #expect(throws: SQLError.readOnly) { try reader.execute("INSERT INTO t VALUES (1)") }
      #expect(try number(reader, "SELECT count(*) FROM t") == 0)
    }
  }

  @Test func `exceeding the page limit is full, and the statement has no effect`() throws {
    var options = SQLiteEngine.Options()
    options.maximumPages = 8
    try withConnection(options) { db throws in
      try db.runScript("CREATE TABLE t (b BLOB) STRICT")
      #expect(throws: SQLError.full) {
        try db.execute("INSERT INTO t VALUES ($1)", [UInt8](repeating: 1, count: 100_000))
      }
      try db.execute("INSERT INTO t VALUES ($1)", [UInt8](repeating: 1, count: 100))
      #expect(try number(db, "SELECT count(*) FROM t") == 1)
    }
  }

  @Test func `a file that is no database is corrupt`() throws {
    try withDatabase { engine throws in
      let file = Glibc.open(engine.path, O_WRONLY | O_CREAT, 0o600)
      let text = [UInt8](repeating: UInt8(ascii: "x"), count: 4_096)
      #expect(write(file, text, text.count) == text.count)
      close(file)
      #expect(throws: SQLError.corrupt("file is not a database")) {
        try Connection(engine, .readWrite)
      }
    }
  }

  @Test func `a statement that may not go on is interrupted and the connection stays usable`()
    async throws
  {
    try withConnection { db throws in
      let asked = Atomic<Int>(0)
      let mayGoOn = Atomic<Bool>(true)
      func countTo(_ limit: Int) throws -> Int {
        try db.first(
          """
          WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1)
          SELECT count(*) FROM n
          """, limit
        ) { try $0.get(0, as: Int.self) } ?? 0
      }
      db.ask {
        asked.add(1, ordering: .relaxed)
        return mayGoOn.load(ordering: .relaxed)
      }
      #expect(try countTo(10_000) == 10_000)
      #expect(asked.load(ordering: .relaxed) > 1)
      mayGoOn.store(false, ordering: .relaxed)
      #expect(throws: SQLError.interrupted) { try countTo(10_000) }
      // Every later one too, also when no statement ran in between.
      #expect(throws: SQLError.interrupted) { try countTo(10_000) }
      db.ask(nil)
      #expect(try countTo(10_000) == 10_000)
      db.close()
      db.ask { false }
      #expect(throws: SQLError.invalidStatement("the connection is closed")) {
        try db.first("SELECT 1") { _ in }
      }
    }
  }

  @Test
  func `commits count the log's pages, and a checkpoint empties it unless a reader stands on it`()
    throws
  {
    try withDatabase { engine throws in
      let writer = try Connection(engine, .readWrite)
      defer { writer.close() }
      let reader = try Connection(engine, .readOnly)
      defer { reader.close() }
      let checkpoint = try Connection(engine, .checkpoint)
      defer { checkpoint.close() }
      try writer.runScript("CREATE TABLE t (x INTEGER) STRICT")
      let before = writer.logPages
      #expect(before > 0)
      try reader.runScript("BEGIN")
      _ = try reader.first("SELECT count(*) FROM t") { _ in }
      try writer.execute("INSERT INTO t (x) VALUES (1)")
      #expect(writer.logPages > before)
      let inVain = try #require(try checkpoint.checkpoint(.restart))
      #expect(!inVain.isComplete)
      #expect(inVain.logPages == writer.logPages)
      try reader.runScript("COMMIT")
      #expect(try checkpoint.checkpoint(.restart)?.isComplete == true)
      try writer.execute("INSERT INTO t (x) VALUES (2)")
      #expect(writer.logPages <= before)
    }
  }
}
