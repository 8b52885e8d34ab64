extension Google_Protobuf_Timestamp {
  /// What the schema allows: 0001-01-01T00:00:00Z…9999-12-31T23:59:59Z.
  static let secondsRange: ClosedRange<Int64> = -62_135_596_800...253_402_300_799

  /// Whether it is a moment that the schema allows: in the years 1 to 9999, with 0 to 999,999,999
  /// nanos, which count forward before 1970 too.
  public var isInRange: Bool {
    Self.secondsRange.contains(seconds) && (0..<1_000_000_000).contains(nanos)
  }
}
