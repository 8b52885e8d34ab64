import Glibc
import Synchronization

/// Where a command writes: standard output for results, standard error for what is said about them.
///
/// On a terminal the last line may be live: rewritten in place until the next ordinary line. Elsewhere a live line is
/// written as an ordinary one, and only when it differs from the one before. Any thread; one lock.
final class Terminal: Sendable {
  /// Standard output takes no more.
  struct Failure: Error, Equatable {
    let code: Int32

    /// Whether whoever read it has gone, as `| head` does: nobody is left to tell.
    var readerHasGone: Bool { code == EPIPE }
  }

  static let shared = Terminal(isInteractive: isatty(STDOUT_FILENO) == 1 && !Terminal.isDumb)

  /// Columns where there is no terminal to ask, so that logs stay readable.
  static let usualWidth = 80

  let isInteractive: Bool
  private let descriptor: Int32
  private let live = Mutex<String?>(nil)

  init(isInteractive: Bool, descriptor: Int32 = STDOUT_FILENO) {
    self.isInteractive = isInteractive
    self.descriptor = descriptor
  }

  private static var isDumb: Bool {
    guard let name = getenv("TERM") else { return false }
    return String(cString: name) == "dumb"
  }

  /// Columns of the terminal; what $COLUMNS says, or 80, where there is none or it does not know.
  var width: Int {
    var size = winsize()
    if isInteractive, ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 {
      return Int(size.ws_col)
    }
    guard isInteractive, let text = getenv("COLUMNS"), let columns = Int(String(cString: text)),
      (1...10_000).contains(columns)
    else { return Self.usualWidth }
    return columns
  }

  /// The width that tables keep to; nil where nobody looks: programs get whole cells.
  var tableWidth: Int? { isInteractive ? width : nil }

  /// Writes a line above the live one.
  func line(_ text: String = "") throws(Failure) {
    try live.withLock { (live) throws(Failure) in
      if live != nil, isInteractive { try Self.write("\r\u{1b}[2K", to: descriptor) }
      try Self.write(text + "\n", to: descriptor)
      if let live, isInteractive { try Self.write(live, to: descriptor) }
    }
  }

  /// Shows or replaces the live line.
  func liveLine(_ text: String) throws(Failure) {
    try live.withLock { (live) throws(Failure) in
      guard live != text else { return }
      live = text
      try Self.write(isInteractive ? "\r\u{1b}[2K" + text : text + "\n", to: descriptor)
    }
  }

  /// Keeps the live line as it stands and goes on below it.
  func endLiveLine() throws(Failure) {
    try live.withLock { (live) throws(Failure) in
      if live != nil, isInteractive { try Self.write("\n", to: descriptor) }
      live = nil
    }
  }

  /// Writes a line to standard error. When that fails there is nowhere left to say so.
  func complain(_ text: String) {
    try? endLiveLine()
    try? Self.write(text + "\n", to: STDERR_FILENO)
  }

  /// `text` in bold on a terminal, as it is elsewhere.
  func bold(_ text: String) -> String { isInteractive ? "\u{1b}[1m\(text)\u{1b}[0m" : text }

  /// Writes everything, waiting for a reader that is slow.
  private static func write(_ text: String, to descriptor: Int32) throws(Failure) {
    let bytes = Array(text.utf8)
    var sent = 0
    while sent < bytes.count {
      let written = bytes[sent...].withUnsafeBytes {
        Glibc.write(descriptor, $0.baseAddress, $0.count)
      }
      if written > 0 {
        sent += written
        continue
      }
      switch errno {
      case EINTR: continue
      case EAGAIN:
        // A pipe that somebody made non-blocking, and full: wait for room, or for its reader to go.
        var wait = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        _ = poll(&wait, 1, -1)
      default: throw Failure(code: written == 0 ? EIO : errno)
      }
    }
  }

  /// Fills standard descriptors that the caller closed: a file opened later must not take their place and be written to.
  static func occupyStandardDescriptors() {
    for descriptor in STDIN_FILENO...STDERR_FILENO where fcntl(descriptor, F_GETFD) == -1 {
      // The lowest free number is taken, which is this one. Read-only, so that a write to it is an error.
      _ = open("/dev/null", O_RDONLY)
    }
  }
}
