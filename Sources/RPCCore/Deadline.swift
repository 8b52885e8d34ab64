#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A moment on the monotonic clock (`CLOCK_MONOTONIC`) after which nobody waits for the answer any more.
public struct Deadline: Sendable, Hashable, Comparable {
  /// Nanoseconds of the monotonic clock.
  public var nanoseconds: Int64

  @inlinable public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

  /// `timeout` from now; what lies beyond the clock's range (292 years) is the end of the range.
  public init(after timeout: Duration) {
    self = Deadline.now.advanced(by: timeout)
  }

  /// The present moment.
  public static var now: Deadline {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Deadline(nanoseconds: Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec))
  }

  /// This moment plus `duration`, saturating.
  public func advanced(by duration: Duration) -> Deadline {
    let (sum, overflow) = nanoseconds.addingReportingOverflow(duration.clampedNanoseconds)
    return overflow
      ? Deadline(nanoseconds: duration < .zero ? .min : .max) : Deadline(nanoseconds: sum)
  }

  /// What is left from `now`; zero when it has passed.
  public func remaining(from now: Deadline = .now) -> Duration {
    nanoseconds > now.nanoseconds ? .nanoseconds(nanoseconds &- now.nanoseconds) : .zero
  }

  public var hasPassed: Bool { Deadline.now >= self }

  public static func < (a: Deadline, b: Deadline) -> Bool { a.nanoseconds < b.nanoseconds }
}

extension Duration {
  /// Whole nanoseconds, saturating at the range of `Int64` (99999999 hours do not fit).
  public var clampedNanoseconds: Int64 {
    let (seconds, attoseconds) = components
    let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
    if overflow { return seconds < 0 ? .min : .max }
    let (sum, carried) = product.addingReportingOverflow(attoseconds / 1_000_000_000)
    return carried ? (seconds < 0 ? .min : .max) : sum
  }
}
