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
    guard message.isInRange else { return nil }
    self.init(microseconds: message.seconds * 1_000_000 + Int64(message.nanos / 1_000))
  }
}
