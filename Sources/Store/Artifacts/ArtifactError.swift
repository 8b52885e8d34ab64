internal import Glibc

/// Why an artifact could not be stored or read. `io` carries the operating system's number and is
/// for the log alone.
public enum ArtifactError: Error, Sendable, Hashable {
  /// The header announces, or the bytes exceed, what one artifact may be.
  case tooLarge(size: Int64, limit: Int64)
  /// More or fewer bytes came than the header announced.
  case sizeMismatch(announced: Int64, received: Int64)
  /// The bytes have another SHA-256 than the header announced.
  case digestMismatch(announced: String, received: String)
  /// The disk is full: nothing was kept.
  case storageFull
  /// A version refers to bytes that are not there.
  case missing(digest: String)
  /// The bytes that a version refers to are not as many as they were.
  case damaged(digest: String, size: Int64, expected: Int64)
  /// The process has no file descriptor left: nothing was read or kept.
  case noDescriptor
  /// The server is shutting down.
  case closed
  case io(operation: String, path: String, code: Int32)
}

extension ArtifactError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .tooLarge(let size, let limit): "an artifact of \(size) bytes exceeds \(limit)"
    case .sizeMismatch(let announced, let received):
      "\(received) bytes were received, \(announced) were announced"
    case .digestMismatch(let announced, let received):
      "the bytes have SHA-256 \(received), \(announced) was announced"
    case .storageFull: "the disk is full"
    case .missing(let digest): "artifact \(digest) is missing"
    case .damaged(let digest, let size, let expected):
      "artifact \(digest) has \(size) bytes instead of \(expected)"
    case .noDescriptor: "no file descriptor is left"
    case .closed: "the artifact files are closed"
    case .io(let operation, let path, let code): "\(operation) \(path): error \(code)"
    }
  }
}

extension ArtifactError {
  /// What the operating system's last error means.
  static func system(_ operation: String, _ path: String) -> ArtifactError {
    switch errno {
    case ENOSPC, EDQUOT: .storageFull
    case EMFILE, ENFILE: .noDescriptor
    case let code: .io(operation: operation, path: path, code: code)
    }
  }
}
