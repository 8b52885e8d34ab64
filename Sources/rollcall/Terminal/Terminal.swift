import Glibc
import Synchronization

/// Where a command writes: standard output for results, standard error for what is said about them.
///
/// On a terminal the last line may be live: rewritten in place until the next ordinary line. Elsewhere a live line is
/// written as an ordinary one, and only when it differs from the one before. Any thread; one lock.
final class Terminal: Sendable {
  static let shared = Terminal(isInteractive: isatty(STDOUT_FILENO) == 1 && !Terminal.isDumb)

  let isInteractive: Bool
  private let live = Mutex<String?>(nil)

  init(isInteractive: Bool) { self.isInteractive = isInteractive }

  private static var isDumb: Bool {
    guard let name = getenv("TERM") else { return false }
    return String(cString: name) == "dumb"
  }

  /// Columns of the terminal; 100 where there is none, so that logs stay readable.
  var width: Int {
    var size = winsize()
    guard isInteractive, ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else {
      return 100
    }
    return Int(size.ws_col)
  }

  /// Writes a line above the live one.
  func line(_ text: String = "") {
    live.withLock { live in
      if live != nil, isInteractive { Self.write("\r\u{1b}[2K", to: STDOUT_FILENO) }
      Self.write(text + "\n", to: STDOUT_FILENO)
      if let live, isInteractive { Self.write(live, to: STDOUT_FILENO) }
    }
  }

  /// Shows or replaces the live line.
  func liveLine(_ text: String) {
    live.withLock { live in
      guard live != text else { return }
      live = text
      Self.write(isInteractive ? "\r\u{1b}[2K" + text : text + "\n", to: STDOUT_FILENO)
    }
  }

  /// Keeps the live line as it stands and goes on below it.
  func endLiveLine() {
    live.withLock { live in
      if live != nil, isInteractive { Self.write("\n", to: STDOUT_FILENO) }
      live = nil
    }
  }

  /// Writes a line to standard error.
  func complain(_ text: String) {
    endLiveLine()
    Self.write(text + "\n", to: STDERR_FILENO)
  }

  /// `text` in bold on a terminal, as it is elsewhere.
  func bold(_ text: String) -> String { isInteractive ? "\u{1b}[1m\(text)\u{1b}[0m" : text }

  /// Writes everything; gives up when nobody reads any more (EPIPE), as `| head` expects.
  private static func write(_ text: String, to descriptor: Int32) {
    var text = text
    text.withUTF8 { bytes in
      var rest = UnsafeRawBufferPointer(bytes)
      while let base = rest.baseAddress, !rest.isEmpty {
        let written = Glibc.write(descriptor, base, rest.count)
        if written < 0 {
          if errno == EINTR || errno == EAGAIN { continue }
          return
        }
        rest = UnsafeRawBufferPointer(rebasing: rest[written...])
      }
    }
  }
}
