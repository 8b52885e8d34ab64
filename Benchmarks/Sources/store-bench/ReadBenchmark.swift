import Glibc
import SQL
import Store

/// Point reads by key of a 20-column row on the calling thread.
struct ReadBenchmark {
  let store: Store
  let rows = 100_000

  func prepare() async throws -> [String] {
    try await store.write { [rows] tx in
      try tx.connection.runScript(
        """
        CREATE TABLE bench_records (
          id TEXT NOT NULL, org TEXT NOT NULL, name TEXT NOT NULL, image TEXT NOT NULL,
          region TEXT NOT NULL, owner TEXT NOT NULL, revision_text TEXT NOT NULL,
          cluster TEXT NOT NULL, environment TEXT NOT NULL, description TEXT NOT NULL,
          generation INTEGER NOT NULL, observed INTEGER NOT NULL, revision INTEGER NOT NULL,
          cores REAL NOT NULL, memory REAL NOT NULL, paused INTEGER NOT NULL,
          canary INTEGER NOT NULL, created_at_ms INTEGER NOT NULL, updated_at_ms INTEGER NOT NULL,
          finished_at_ms INTEGER, CONSTRAINT bench_records_pkey PRIMARY KEY (id)
        ) STRICT, WITHOUT ROWID
        """)
      return try (0..<rows).map { index in
        let id = tx.makeID()
        try tx.connection.execute(
          """
          INSERT INTO bench_records VALUES ($1, $2, 'checkout-payments-api-v2',
            'registry.example.com/payments/api:2.18.4', 'europe-central-2b',
            'team-payments@example.com', '9f2c1e7ab04d5586c3318fd2a7e6b1095c4d8e7f',
            'prod-eu-cluster-0017', 'production-stage', 'Canary roll-out of the checkout API',
            42, 41, $3, 3.5, 12.25, 1, 0, 1760000000000, 1760000360000, NULL)
          """, id, "org-1", index)
        return id
      }
    }
  }

  struct Record {
    var id: String
    var org: String
    var texts: (String, String, String, String, String, String, String, String)
    var integers: (Int64, Int64, Int64, Int64, Int64)
    var reals: (Double, Double)
    var flags: (Bool, Bool)
    var finishedAt: Int64?
  }

  static func find(_ id: String, _ tx: ReadTransaction) throws -> Record? {
    try tx.connection.first("SELECT * FROM bench_records WHERE id = $1 AND org = $2", id, "org-1") {
      row in
      Record(
        id: try row[0], org: try row[1],
        texts: (
          try row[2], try row[3], try row[4], try row[5], try row[6], try row[7], try row[8],
          try row[9]
        ),
        integers: (try row[10], try row[11], try row[12], try row[17], try row[18]),
        reals: (try row[13], try row[14]), flags: (try row[15], try row[16]),
        finishedAt: try row[19])
    }
  }

  /// `perTurn` reads, then the turn ends, as on an event loop; nil: a thread without a loop.
  func run(_ name: String, _ ids: [String], perTurn: Int?) throws {
    let count = 400_000
    var end: (@Sendable () -> Void)?
    if perTurn != nil { try store.attachLoopReader { end = $0 } }
    var random: UInt64 = 88_172_645_463_325_252
    for round in 0..<2 {
      let start = now()
      let processor = threadTime()
      for index in 0..<count {
        random ^= random << 13
        random ^= random >> 7
        random ^= random << 17
        let id = ids[Int(random % UInt64(ids.count))]
        let record = try store.read { try Self.find(id, $0) }
        precondition(record?.id == id, "the read found another row")
        if let perTurn, index % perTurn == perTurn - 1 {
          end?()
          end = nil
        }
      }
      // The first round fills the page cache.
      if round == 1 {
        let elapsed = Double(now() - start) / 1e3 / Double(count)
        let used = Double(threadTime() - processor) / 1e3 / Double(count)
        line(name, "\(elapsed.text(2)) µs a read, \(used.text(2)) CPU-µs")
      }
    }
    end?()
  }
}
