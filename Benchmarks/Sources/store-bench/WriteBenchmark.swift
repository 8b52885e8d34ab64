import SQL
import Store

/// Acknowledged writes: each of `writers` Tasks writes and waits for the commit, again and again.
struct WriteBenchmark {
  let store: Store
  let seconds: Double

  enum Kind {
    /// One INSERT of a row with a monotonic key.
    case row
    /// One event: fourteen columns, three indexes, a hash chained to the one before.
    case event
    /// What a service's mutation does: idempotency key, row and event.
    case mutation
  }

  func run(_ kind: Kind, writers: Int) async throws {
    try await store.write { tx in
      try tx.connection.runScript(
        """
        CREATE TABLE IF NOT EXISTS bench_rows (
          id TEXT NOT NULL, org TEXT NOT NULL, name TEXT NOT NULL, size INTEGER NOT NULL,
          created_at_ms INTEGER NOT NULL, CONSTRAINT bench_rows_pkey PRIMARY KEY (id)
        ) STRICT, WITHOUT ROWID
        """)
    }
    let start = now()
    let processor = processorTime()
    let end = start + UInt64(seconds * 1e9)
    let (count, latencies) = try await withThrowingTaskGroup(
      of: (Int, [UInt64]).self
    ) { group in
      for writer in 0..<writers {
        group.addTask { try await write(kind, writer, until: end) }
      }
      var count = 0
      var latencies: [UInt64] = []
      for try await (written, sample) in group {
        count += written
        latencies += sample
      }
      return (count, latencies.sorted())
    }
    let elapsed = Double(now() - start) / 1e9
    let used = Double(processorTime() - processor) / 1e3 / Double(count)
    let median = Double(latencies[latencies.count / 2]) / 1e3
    let tail = Double(latencies[latencies.count * 99 / 100]) / 1e3
    line(
      "write \(kind), \(writers) writers",
      "\(Int(Double(count) / elapsed)) acknowledged/s, \(used.text(1)) CPU-µs each, "
        + "p50 \(median.text(0)) µs, p99 \(tail.text(0)) µs")
  }

  private func write(_ kind: Kind, _ writer: Int, until end: UInt64) async throws -> (Int, [UInt64])
  {
    var count = 0
    var latencies: [UInt64] = []
    let name = "row of writer \(writer)"
    let event = NewEvent(
      org: "org-\(writer % 8)", kind: "device.created", resourceType: "device",
      resourceID: "0192f4c0-0000-7000-8000-000000000001", actor: "bench", method: "/bench/Write",
      payload: [UInt8](repeating: 1, count: 200))
    while true {
      let start = now()
      if start >= end { return (count, latencies) }
      switch kind {
      case .row:
        try await store.write { tx in try insert(tx, name) }
      case .event:
        try await store.write { tx in _ = try tx.append(event) }
      case .mutation:
        let key = IdempotencyKey(
          org: event.org, principal: "p", method: event.method, requestID: store.ids.make())
        try await store.write { tx in
          _ = try tx.idempotent(key, bodyDigest: [UInt8](repeating: 2, count: 32)) {
            try insert(tx, name)
            try tx.append(event)
            return IdempotentResponse(bytes: [UInt8](repeating: 3, count: 100))
          }
        }
      }
      count += 1
      if count % 16 == 0 { latencies.append(now() - start) }
    }
  }

  private func insert(_ tx: WriteTransaction, _ name: String) throws {
    try tx.connection.execute(
      "INSERT INTO bench_rows (id, org, name, size, created_at_ms) VALUES ($1, $2, $3, $4, $5)",
      tx.makeID(), "org-1", name, 4_096, tx.nowMilliseconds)
  }
}
