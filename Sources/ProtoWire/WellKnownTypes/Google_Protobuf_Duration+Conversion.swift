extension Google_Protobuf_Duration {
  /// What the schema allows: about 10,000 years in either direction.
  static let secondsRange: ClosedRange<Int64> = -315_576_000_000...315_576_000_000

  /// Whole nanoseconds, rounded towards zero: 1.5 s → 1 s and 500,000,000 ns, −1 ms → 0 s and
  /// −1,000,000 ns, 1.9 ns → 0 s and 1 ns.
  public init(_ duration: Duration) {
    self.init()
    let (whole, attoseconds) = duration.components
    seconds = whole
    nanos = Int32(attoseconds / 1_000_000_000)
  }

  /// Whether it is a span that the schema allows: at most ±315,576,000,000 s, nanos inside a second
  /// and of no other sign.
  public var isInRange: Bool {
    Self.secondsRange.contains(seconds) && nanos.magnitude < 1_000_000_000
      && (seconds == 0 || nanos == 0 || (seconds < 0) == (nanos < 0))
  }
}

extension Duration {
  /// A span of a message; nil when it is not ``Google_Protobuf_Duration/isInRange``.
  public init?(_ message: Google_Protobuf_Duration) {
    guard message.isInRange else { return nil }
    self = .seconds(message.seconds) + .nanoseconds(Int64(message.nanos))
  }
}
