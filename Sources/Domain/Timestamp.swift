/// A point in time: microseconds since 1970-01-01T00:00:00Z, leap seconds ignored.
///
/// Domain never reads a clock; the caller passes `now`. Arithmetic saturates at the ends of the range
/// instead of trapping.
public struct Timestamp: Hashable, Comparable, Sendable, CustomStringConvertible {
  /// Microseconds since the Unix epoch.
  public let microseconds: Int64

  /// Makes a point in time from microseconds since the Unix epoch.
  @inlinable
  public init(microseconds: Int64) { self.microseconds = microseconds }

  /// Makes a point in time from whole seconds since the Unix epoch, saturating.
  public init(seconds: Int64) {
    let (value, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000)
    microseconds = overflow ? (seconds < 0 ? .min : .max) : value
  }

  /// Makes a point in time from milliseconds since the Unix epoch, saturating.
  public init(milliseconds: Int64) {
    let (value, overflow) = milliseconds.multipliedReportingOverflow(by: 1_000)
    microseconds = overflow ? (milliseconds < 0 ? .min : .max) : value
  }

  /// Whole milliseconds since the Unix epoch, rounded down: what is stored.
  public var milliseconds: Int64 {
    let (quotient, remainder) = microseconds.quotientAndRemainder(dividingBy: 1_000)
    return remainder < 0 ? quotient - 1 : quotient
  }

  /// Whole seconds since the Unix epoch, rounded down.
  public var seconds: Int64 {
    let (quotient, remainder) = microseconds.quotientAndRemainder(dividingBy: 1_000_000)
    return remainder < 0 ? quotient - 1 : quotient
  }

  /// The microseconds past `seconds`, 0..<1_000_000.
  public var microsecondsOfSecond: Int64 {
    let remainder = microseconds % 1_000_000
    return remainder < 0 ? remainder + 1_000_000 : remainder
  }

  @inlinable
  public static func < (left: Self, right: Self) -> Bool { left.microseconds < right.microseconds }

  /// `point` moved by `duration`, truncated to microseconds; saturates.
  public static func + (point: Timestamp, duration: Duration) -> Timestamp {
    let (sum, overflow) = point.microseconds.addingReportingOverflow(duration.wholeMicroseconds)
    if overflow { return Timestamp(microseconds: duration < .zero ? .min : .max) }
    return Timestamp(microseconds: sum)
  }

  /// The time from `right` to `left`; saturates.
  public static func - (left: Timestamp, right: Timestamp) -> Duration {
    let (difference, overflow) =
      left.microseconds.subtractingReportingOverflow(right.microseconds)
    if overflow { return .microseconds(left < right ? Int64.min : Int64.max) }
    return .microseconds(difference)
  }

  public var description: String { "\(microseconds)µs" }
}

extension Duration {
  /// The duration in microseconds, truncated towards zero; saturates at the ends of `Int64`.
  public var wholeMicroseconds: Int64 {
    let (seconds, attoseconds) = components
    let (scaled, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000)
    if overflow { return seconds < 0 ? .min : .max }
    let (sum, carried) = scaled.addingReportingOverflow(attoseconds / 1_000_000_000_000)
    if carried { return seconds < 0 ? .min : .max }
    return sum
  }
}
