/// Why the bytes of a stream are not a sequence of gRPC messages.
///
/// Every case ends the stream it happened on and nothing else.
public enum FramingError: Error, Hashable, Sendable {
  /// The compressed flag of a message prefix was neither 0 nor 1.
  case invalidFlag(UInt8)
  /// A prefix announced `length` bytes, more than `limit`. Thrown before any of them is buffered.
  case messageTooLarge(length: Int, limit: Int)
  /// A message was flagged as compressed on a stream that declared no encoding.
  case compressedWithoutEncoding
  /// A compressed message could not be inflated.
  case gzip(GzipError)
  /// The stream ended with `missing` bytes of a message outstanding; inside a prefix this counts
  /// the rest of the prefix only.
  case truncatedMessage(missing: Int)
}

extension FramingError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .invalidFlag(let flag):
      "message flag \(flag) is neither 0 nor 1"
    case .messageTooLarge(let length, let limit):
      "message of \(length) bytes exceeds the limit of \(limit)"
    case .compressedWithoutEncoding:
      "message is flagged as compressed but the stream declares no grpc-encoding"
    case .gzip(let error):
      "message cannot be inflated: \(error)"
    case .truncatedMessage(let missing):
      "stream ended \(missing) bytes before the end of a message"
    }
  }
}
