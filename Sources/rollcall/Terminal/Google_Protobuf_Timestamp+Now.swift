import Glibc
import ProtoWire

/// Times and spans of the schema from those of the standard library.
extension Google_Protobuf_Timestamp {
  /// The wall clock.
  static var now: Self {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    var now = Self()
    now.seconds = Int64(time.tv_sec)
    now.nanos = Int32(time.tv_nsec)
    return now
  }
}

extension Google_Protobuf_Duration {
  /// Whole nanoseconds, rounded towards zero.
  init(_ duration: Swift.Duration) {
    self.init()
    seconds = duration.components.seconds
    nanos = Int32(duration.components.attoseconds / 1_000_000_000)
  }
}

extension Google_Protobuf_FieldMask {
  init(_ paths: [String]) {
    self.init()
    self.paths = paths
  }
}
