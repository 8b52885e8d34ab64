/// Where a channel connects to: one address, or several that are tried in order.
///
/// `host:port`, `[v6]:port`, `dns:///host:port`, `unix:/path`, or several of them joined by commas. A
/// host without a port gets 443 with TLS, else 80.
struct ChannelTarget: Sendable, Hashable {
  /// One address.
  enum Address: Sendable, Hashable {
    case tcp(host: String, port: Int)
    case unix(path: String)
  }

  let addresses: [Address]
  /// The `:authority` of calls: the first address as it was written.
  let authority: String

  /// - Throws: ``ChannelError/target(_:)``
  init(_ text: String, defaultPort: Int) throws(ChannelError) {
    var addresses: [Address] = []
    var authority: String?
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      var part = String(part.drop { $0 == " " })
      if part.hasPrefix("unix:") {
        var path = part.dropFirst("unix:".count)
        if path.hasPrefix("//") { path = path.dropFirst(2) }
        guard !path.isEmpty else { throw .target(text) }
        addresses.append(.unix(path: String(path)))
        authority = authority ?? "localhost"
        continue
      }
      if part.hasPrefix("dns:///") { part = String(part.dropFirst("dns:///".count)) }
      guard let address = Self.tcp(part, defaultPort: defaultPort) else { throw .target(text) }
      addresses.append(address)
      authority = authority ?? part
    }
    guard let authority else { throw .target(text) }
    self.addresses = addresses
    self.authority = authority
  }

  private static func tcp(_ text: String, defaultPort: Int) -> Address? {
    var host = Substring(text)
    var port = defaultPort
    if text.hasPrefix("[") {
      guard let end = text.firstIndex(of: "]") else { return nil }
      host = text[text.index(after: text.startIndex)..<end]
      let rest = text[text.index(after: end)...]
      if !rest.isEmpty {
        guard rest.hasPrefix(":"), let number = Self.port(rest.dropFirst()) else { return nil }
        port = number
      }
    } else if let colon = text.lastIndex(of: ":") {
      host = text[..<colon]
      guard !host.contains(":"), let number = Self.port(text[text.index(after: colon)...]) else {
        return nil
      }
      port = number
    }
    guard !host.isEmpty, !host.contains("/"), !host.contains(" ") else { return nil }
    return .tcp(host: String(host), port: port)
  }

  private static func port(_ text: Substring) -> Int? {
    guard text.allSatisfy({ $0.isASCII && $0.isNumber }), let number = Int(text) else { return nil }
    return (1...65535).contains(number) ? number : nil
  }
}

extension ChannelTarget.Address: CustomStringConvertible {
  var description: String {
    switch self {
    case .tcp(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    case .unix(let path): "unix:\(path)"
    }
  }
}
