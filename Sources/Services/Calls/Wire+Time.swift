internal import Domain
internal import ProtoWire

extension Google_Protobuf_Timestamp {
  init(_ time: Timestamp) {
    self.init()
    seconds = time.seconds
    nanos = Int32(time.microsecondsOfSecond) * 1_000
  }
}

extension Timestamp {
  /// A moment of a request; nil beyond the years 1 to 9999, or with nanos outside a second.
  init?(_ message: Google_Protobuf_Timestamp) {
    guard (-62_135_596_800...253_402_300_799).contains(message.seconds),
      (0...999_999_999).contains(message.nanos)
    else { return nil }
    self.init(microseconds: message.seconds * 1_000_000 + Int64(message.nanos / 1_000))
  }
}

extension Google_Protobuf_Duration {
  init(_ duration: Duration) {
    self.init()
    let (whole, attoseconds) = duration.components
    seconds = whole
    nanos = Int32(attoseconds / 1_000_000_000)
  }
}

extension Duration {
  /// A span of a request; nil beyond ±10 000 years, or with nanos of another sign or outside a second.
  init?(_ message: Google_Protobuf_Duration) {
    guard (-315_576_000_000...315_576_000_000).contains(message.seconds),
      (-999_999_999...999_999_999).contains(message.nanos),
      message.seconds == 0 || message.nanos == 0 || (message.seconds < 0) == (message.nanos < 0)
    else { return nil }
    self = .seconds(message.seconds) + .nanoseconds(Int64(message.nanos))
  }
}
