import Glibc
import SQL
import Store
import Synchronization

/// The write-ahead log, and what a commit takes, while scans overlap without end, a loop reads and writes go on: first without scans, for
/// comparison, then with them.
///
/// Scans wait between rows instead of working: it is their views that stand in the log's way, not the processor.
struct LogBenchmark {
  let store: Store
  let folder: String
  let seconds: Double

  private static let writers = 16
  private static let scans = 4

  func run() async throws {
    let alone = try await measure("writes alone", seconds: max(5, seconds / 10), scans: 0)
    let scanned = try await measure(
      "writes and \(Self.scans) scans", seconds: seconds, scans: Self.scans)
    line("commit, writes alone", alone)
    line("commit, writes and scans", scanned)
  }

  private final class Ending: Sendable {
    let isReached = Atomic<Bool>(false)
    var goesOn: Bool { !isReached.load(ordering: .relaxed) }
  }

  /// Latencies of commits, in nanoseconds.
  private final class Latencies: Sendable {
    private let values = Mutex<(recent: [UInt64], all: [UInt64])>(([], []))

    func add(_ nanoseconds: UInt64) {
      values.withLock { values in
        values.recent.append(nanoseconds)
        values.all.append(nanoseconds)
      }
    }

    func takeRecent() -> [UInt64] {
      values.withLock { values in
        defer { values.recent = [] }
        return values.recent
      }
    }

    var all: [UInt64] { values.withLock { $0.all } }

    static func text(_ values: [UInt64]) -> String {
      guard !values.isEmpty else { return "no commit" }
      let sorted = values.sorted()
      func at(_ permille: Int) -> String {
        (Double(sorted[min(sorted.count - 1, sorted.count * permille / 1_000)]) / 1e6).text(1)
      }
      return "\(sorted.count) commits, p50 \(at(500)) ms, p99 \(at(990)) ms, p99.9 \(at(999)) ms, "
        + "max \(at(1_000)) ms"
    }
  }

  private func measure(_ name: String, seconds: Double, scans: Int) async throws -> String {
    let (ending, latencies) = (Ending(), Latencies())
    let store = self.store
    let reading = try Self.startLoop(store, ending)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for writer in 0..<Self.writers {
        group.addTask { try await Self.write(store, writer, ending, latencies) }
      }
      for number in 0..<scans {
        group.addTask { try await Self.scan(store, number, ending) }
      }
      let start = now()
      var largest = 0
      var next = start + 10_000_000_000
      while Double(now() - start) < seconds * 1e9 {
        try await Task.sleep(for: .milliseconds(50))
        let size = Self.size(folder + "/rollcall.db-wal")
        largest = max(largest, size)
        guard now() >= next else { continue }
        next += 10_000_000_000
        line(
          "\(name), \(Int(Double(now() - start) / 1e9)) s",
          "log \((Double(size) / 1e6).text(1)) MB, largest \((Double(largest) / 1e6).text(1)) MB, "
            + Latencies.text(latencies.takeRecent()))
      }
      ending.isReached.store(true, ordering: .relaxed)
      try await group.waitForAll()
      line("\(name), largest log", "\((Double(largest) / 1e6).text(1)) MB")
    }
    pthread_join(reading, nil)
    return Latencies.text(latencies.all)
  }

  private static func size(_ path: String) -> Int {
    var status = stat()
    return stat(path, &status) == 0 ? status.st_size : 0
  }

  private static func write(
    _ store: Store, _ writer: Int, _ ending: Ending, _ latencies: Latencies
  ) async throws {
    let event = NewEvent(
      org: "org-\(writer % 4)", kind: "model.updated", resourceType: "model",
      resourceID: "0192f4c0-0000-7000-8000-000000000001", actor: "bench", method: "/bench/Write",
      payload: [UInt8](repeating: 1, count: 1_000))
    while ending.goesOn {
      let start = now()
      try await store.write { _ = try $0.append(event) }
      latencies.add(now() - start)
      try await Task.sleep(for: .milliseconds(10))
    }
  }

  /// Scans of about a second, one after the other.
  private static func scan(_ store: Store, _ number: Int, _ ending: Ending) async throws {
    let caller = ScanCaller(org: "org-\(number)", principal: "p")
    while ending.goesOn {
      try await store.scan(for: caller) { tx in
        try tx.connection.each("SELECT revision FROM events ORDER BY revision DESC LIMIT 200") {
          _ in
          usleep(5_000)
          return true
        }
      }
    }
  }

  /// A thread that reads as an event loop does: some reads a turn.
  private static func startLoop(_ store: Store, _ ending: Ending) throws -> pthread_t {
    final class Context {
      let body: () -> Void
      init(_ body: @escaping () -> Void) { self.body = body }
    }
    let context = Context {
      do {
        var end: (@Sendable () -> Void)?
        try store.attachLoopReader { end = $0 }
        while ending.goesOn {
          for _ in 0..<8 { _ = try store.read { try $0.revision() } }
          end?()
          end = nil
          usleep(500)
        }
      } catch {
        print("the loop ended: \(error)")
      }
    }
    var thread = pthread_t()
    let code = pthread_create(
      &thread, nil,
      { argument in
        if let argument { Unmanaged<Context>.fromOpaque(argument).takeRetainedValue().body() }
        return nil
      }, Unmanaged.passRetained(context).toOpaque())
    guard code == 0 else { throw StoreError.failure("pthread_create: error \(code)") }
    return thread
  }
}
