import Glibc
import ProtoWire

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

extension Google_Protobuf_FieldMask {
  init(_ paths: [String]) {
    self.init()
    self.paths = paths
  }
}
