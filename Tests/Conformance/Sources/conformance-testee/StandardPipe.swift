#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

enum PipeError: Error {
  /// The input ends inside a message: so many bytes of so many were there.
  case truncated(count: Int, expected: Int)
  case readFailed(errno: Int32)
  case writeFailed(errno: Int32)
}

/// Length-prefixed messages over standard input and output.
struct StandardPipe {
  /// The next message; `nil` at the end of the input.
  func readMessage() throws(PipeError) -> [UInt8]? {
    let head = try read(4)
    if head.isEmpty { return nil }
    guard head.count == 4 else { throw .truncated(count: head.count, expected: 4) }
    let length = head.reversed().reduce(0) { $0 << 8 | Int($1) }
    let message = try read(length)
    guard message.count == length else {
      throw .truncated(count: message.count, expected: length)
    }
    return message
  }

  func write(_ message: [UInt8]) throws(PipeError) {
    let length = UInt32(message.count)
    let bytes = (0..<4).map { UInt8(truncatingIfNeeded: length >> ($0 * 8)) } + message
    var start = 0
    while start < bytes.count {
      let count = bytes[start...].withUnsafeBytes {
        systemWrite(STDOUT_FILENO, $0.baseAddress, $0.count)
      }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw .writeFailed(errno: errno) }
      start += count
    }
  }

  /// Exactly `count` bytes, or fewer at the end of the input.
  private func read(_ count: Int) throws(PipeError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    var filled = 0
    while filled < count {
      let more = bytes[filled...].withUnsafeMutableBytes {
        systemRead(STDIN_FILENO, $0.baseAddress, $0.count)
      }
      if more < 0, errno == EINTR { continue }
      guard more >= 0 else { throw .readFailed(errno: errno) }
      if more == 0 { break }
      filled += more
    }
    return Array(bytes[..<filled])
  }
}

private let systemRead = read
private let systemWrite = write
