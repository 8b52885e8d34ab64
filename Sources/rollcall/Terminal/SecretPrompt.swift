import Glibc

/// Asks for what nobody should read over a shoulder, or in a scrolled-back terminal.
enum SecretPrompt {
  /// The longest line read, in bytes.
  private static let limit = 4_096

  /// A line of standard input without its end; nil at the end of input. On a terminal `question` is asked and what is typed is not
  /// shown.
  static func read(_ question: String) throws -> String? {
    guard isatty(STDIN_FILENO) == 1 else { return try line() }
    var before = termios()
    guard tcgetattr(STDIN_FILENO, &before) == 0 else { return try line() }
    var hidden = before
    hidden.c_lflag &= ~tcflag_t(ECHO)
    // Ctrl-C ends the program within the prompt: the terminal must not stay mute then.
    restored = before
    let handler: @convention(c) (Int32) -> Void = { number in
      tcsetattr(STDIN_FILENO, TCSANOW, &SecretPrompt.restored)
      signal(number, SIG_DFL)
      raise(number)
    }
    for number in [SIGINT, SIGTERM, SIGHUP, SIGQUIT] { signal(number, handler) }
    defer { for number in [SIGINT, SIGTERM, SIGHUP, SIGQUIT] { signal(number, SIG_DFL) } }
    guard tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden) == 0 else { return try line() }
    defer { tcsetattr(STDIN_FILENO, TCSANOW, &before) }
    ask(question)
    defer { ask("\n") }
    return try line()
  }

  /// Asks a question that is answered by y or yes; nil when there is no terminal to ask at.
  static func confirm(_ question: String) throws -> Bool? {
    guard isatty(STDIN_FILENO) == 1, isatty(STDERR_FILENO) == 1 else { return nil }
    ask(question + " [y/N] ")
    return ["y", "yes"].contains(try line()?.lowercased() ?? "")
  }

  /// What the terminal was like, for the handler of signals; written before any handler is in place.
  nonisolated(unsafe) private static var restored = termios()

  private static func ask(_ text: String) {
    let bytes = Array(text.utf8)
    _ = bytes.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
  }

  private static func line() throws -> String? {
    var bytes: [UInt8] = []
    var byte: UInt8 = 0
    while true {
      let count = Glibc.read(STDIN_FILENO, &byte, 1)
      if count < 0 {
        if errno == EINTR { continue }
        throw Complaint(
          "standard input cannot be read: \(String(cString: strerror(errno)))", status: .failed)
      }
      if count == 0 { return bytes.isEmpty ? nil : text(bytes) }
      if byte == UInt8(ascii: "\n") { return text(bytes) }
      bytes.append(byte)
      guard bytes.count <= limit else {
        throw Complaint("a line of more than \(limit) bytes is no answer", status: .invalid)
      }
    }
  }

  private static func text(_ bytes: [UInt8]) -> String {
    String(
      decoding: bytes.last == UInt8(ascii: "\r") ? bytes.dropLast() : bytes[...], as: UTF8.self)
  }
}
