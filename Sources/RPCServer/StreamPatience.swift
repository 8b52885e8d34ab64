/// Watches that a client which owes bytes of a request sends them, and that a stream which must not idle does not. Pure; times are
/// nanoseconds of one monotonic clock, bytes are counted from the stream's start.
struct StreamPatience {
  private var owed = Mark()
  private var idle = Mark()

  private struct Mark {
    /// 0: nothing is watched.
    var since: Int64 = 0
    var bytes: UInt64 = 0
  }

  /// Whether the client, owing bytes at this look and at all others of a `span`, has sent fewer than `minimum` in it.
  mutating func isSlow(
    now: Int64, received: UInt64, owes: Bool, span: Int64, minimum: UInt64
  ) -> Bool {
    guard owes else {
      owed = Mark()
      return false
    }
    guard owed.since != 0 else {
      owed = Mark(since: now, bytes: received)
      return false
    }
    guard now - owed.since >= span else { return false }
    defer { owed = Mark(since: now, bytes: received) }
    return received - owed.bytes < minimum
  }

  /// Whether no byte has passed, in either direction, for a `span`.
  mutating func isIdle(now: Int64, passed: UInt64, span: Int64) -> Bool {
    guard idle.since != 0, idle.bytes == passed else {
      idle = Mark(since: now, bytes: passed)
      return false
    }
    return now - idle.since >= span
  }
}
