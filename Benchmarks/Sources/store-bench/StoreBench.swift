import Glibc
import Store

/// Measures the store on this machine's disk: acknowledged writes, point reads, watches.
///
/// `store-bench [FOLDER [SECONDS [writes|reads|watches|log]…]]`: FOLDER is created, and removed at the
/// end; it decides the disk. Without a part, the first three are measured. `log` watches the write-ahead log while scans overlap; ten
/// minutes are `store-bench FOLDER 600 log`.
@main
struct StoreBench {
  static func main() async throws {
    let arguments = CommandLine.arguments
    let folder = arguments.count > 1 ? arguments[1] : "/var/tmp/store-bench-\(getpid())"
    let seconds = arguments.count > 2 ? Double(arguments[2]) ?? 3 : 3
    let parts = arguments.count > 3 ? Array(arguments[3...]) : ["writes", "reads", "watches"]
    let store = try Store.open(folder)
    defer {
      store.close()
      for name in ["rollcall.db", "telemetry.db"] {
        for suffix in ["", "-wal", "-shm"] { unlink(folder + "/" + name + suffix) }
      }
      unlink(folder + "/lock")
      rmdir(folder)
    }
    if parts.contains("writes") {
      let writes = WriteBenchmark(store: store, seconds: seconds)
      try await writes.run(.row, writers: 1)
      for _ in 0..<3 { try await writes.run(.row, writers: 256) }
      try await writes.run(.event, writers: 256)
      try await writes.run(.mutation, writers: 256)
    }
    if parts.contains("reads") {
      let reads = ReadBenchmark(store: store)
      let ids = try await reads.prepare()
      try reads.run("point read, thread without a loop", ids, perTurn: nil)
      try reads.run("point read on a loop, 1 a turn", ids, perTurn: 1)
      try reads.run("point read on a loop, 32 a turn", ids, perTurn: 32)
    }
    if parts.contains("log") {
      try await LogBenchmark(store: store, folder: folder, seconds: seconds).run()
    }
    if parts.contains("watches") {
      try await WatchBenchmark(store: store).run(watches: 10_000)
    }
  }
}
