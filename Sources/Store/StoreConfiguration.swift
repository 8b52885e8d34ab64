/// Work of a store that nobody awaits.
public enum HousekeepingWork: Sendable, Hashable {
  /// Writing what was buffered, removing what has expired.
  case flushAndSweep
  /// Copying the engine's log back into the database file.
  case checkpoint
}

/// How a store runs. Every limit has a default that suits one server on one machine.
public struct StoreConfiguration: Sendable {
  /// Writes that may wait for the writer; one more is refused as `.overloaded`.
  public var maximumWaitingWrites = 8_192
  /// Closures committed together at most. More only lengthens a commit; fewer costs syncs.
  public var maximumBatch = 1_024
  /// Readers opened for threads that are no event loops.
  public var pooledReaders = 4
  /// Threads for unbounded reads, what each caller may have of them, and how long one may take.
  var scans = ScanPool.Options()
  /// How often buffered values (last seen, counters) are written: the most that a crash loses of what nobody waits for.
  public var flushIntervalMilliseconds: Int64 = 500
  /// How long a stored response answers a repeated request id.
  public var idempotencyRetentionMilliseconds: Int64 = 24 * 3_600 * 1_000
  /// How long events are kept; nil keeps all. Watches cannot resume from before, and the audit
  /// starts there.
  public var eventRetentionMilliseconds: Int64?
  /// How often expired request ids and events are looked for; what is found is removed to the last, in steps.
  public var sweepIntervalMilliseconds: Int64 = 60_000
  /// When they are looked for first, after the opening.
  var firstSweepMilliseconds: Int64 = 500
  /// Limit of the database file in pages of 4 KiB; nil is the disk's.
  public var maximumPages: Int?
  /// Whether a telemetry database that is missing or empty is made anew beside a control plane's that had one.
  public var mayHaveNewTelemetry = false
  /// How often a quiet watcher learns the newest revision.
  public var bookmarkIntervalMilliseconds: Int64 = 5_000
  /// When the engine's log is copied back into the database file.
  var checkpoints = CheckpointPlan.Options()
  /// Told why work that nobody awaits began to fail, and nil once it succeeds again. Any thread.
  public var onHousekeeping: @Sendable (_ work: HousekeepingWork, _ failure: String?) -> Void = {
    _, _ in
  }
  /// Told once of each row of the telemetry database that does not decode or cannot be written. Any thread.
  public var onDamage: @Sendable (_ what: String) -> Void = { _ in }
  /// Told by how many milliseconds the wall clock was found to have been set. Any thread.
  public var onClockSet: @Sendable (_ milliseconds: Int64) -> Void = { _ in }
  /// Milliseconds since 1970.
  public var clock: @Sendable () -> Int64 = { StoreClock.nowMilliseconds() }
  /// Milliseconds of a clock that nobody sets.
  public var steadyClock: @Sendable () -> Int64 = { StoreClock.monotonicMilliseconds() }

  public init() {}
}
