/// Why a gzip stream was refused.
public enum GzipError: Error, Hashable, Sendable {
  /// The inflated message would be longer than `limit` bytes.
  case tooLarge(limit: Int)
  /// The stream ended before its trailer (RFC 1952 §2.3.1).
  case truncated
  /// `count` bytes follow the end of the stream.
  case trailingBytes(count: Int)
  /// Not gzip, or damaged: a bad header, block, checksum or length.
  case corrupt
  /// zlib could not allocate its state.
  case outOfMemory
}

extension GzipError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .tooLarge(let limit): "inflated message exceeds the limit of \(limit) bytes"
    case .truncated: "gzip stream is truncated"
    case .trailingBytes(let count): "\(count) bytes follow the end of the gzip stream"
    case .corrupt: "gzip stream is corrupt"
    case .outOfMemory: "zlib is out of memory"
    }
  }
}
