/// A `grpc-encoding` that this runtime speaks.
public enum MessageEncoding: UInt8, Sendable, Hashable, CaseIterable {
  /// Messages as they are.
  case identity
  /// Each message is one gzip stream (RFC 1952).
  case gzip

  /// The name on the wire.
  public var name: StaticString {
    switch self {
    case .identity: "identity"
    case .gzip: "gzip"
    }
  }

  /// The value of `grpc-accept-encoding` that this runtime sends.
  public static let acceptedNames: StaticString = "identity,gzip"

  /// The encoding of that name, or nil for one that is not spoken here.
  public init?(name: UnsafeRawBufferPointer) {
    if name.equals("identity") {
      self = .identity
    } else if name.equals("gzip") {
      self = .gzip
    } else {
      return nil
    }
  }

  /// Whether a `grpc-accept-encoding` value, a comma-separated list, contains this encoding.
  public func isAccepted(by list: UnsafeRawBufferPointer) -> Bool {
    var start = 0
    while start <= list.count {
      var end = start
      while end < list.count, list[end] != UInt8(ascii: ",") { end += 1 }
      if UnsafeRawBufferPointer(rebasing: list[start..<end]).trimmed.equals(name) { return true }
      start = end + 1
    }
    return false
  }
}
