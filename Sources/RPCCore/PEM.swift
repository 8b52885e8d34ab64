/// Certificates or a private key in PEM form: the text itself, or the file that holds it.
///
/// What describes it never shows the text: that may be a private key.
public enum PEM: Sendable, Hashable {
  /// The path of a file, read when the server or the channel is made.
  case file(String)
  /// The text, for keys and certificates that come from a secret store and touch no disk.
  case text(String)
}

extension PEM: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  /// The path, or "the PEM text".
  public var description: String {
    switch self {
    case .file(let path): path
    case .text: "the PEM text"
    }
  }

  public var debugDescription: String { description }
  public var customMirror: Mirror { Mirror(self, children: []) }
}
