/// Why a channel cannot be made.
public enum ChannelError: Error, Hashable, Sendable {
  /// The target is not `host:port`, `unix:/path` or a list of them.
  case target(String)
  /// The certificates or the key cannot be read or used: which, and why.
  case tls(String)
}

extension ChannelError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .target(let text): "\"\(text)\" is not host:port, unix:/path or a list of them"
    case .tls(let text): "TLS cannot be set up: \(text)"
    }
  }
}
