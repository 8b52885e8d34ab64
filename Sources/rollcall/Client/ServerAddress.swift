/// Where a server is, as people and systems write it.
///
/// | written | means |
/// |---|---|
/// | `host`, `10.0.0.1` | port 7070 |
/// | `host:7070`, `[::1]:7070` | as it stands |
/// | `::1`, `[::1]`, `fe80::1%eth0` | an IPv6 address, port 7070 |
/// | `host:7070/`, `http://host:7070/` | without that slash; the scheme: without TLS |
/// | `https://host` | with TLS, port 443 |
/// | `unix:/path` | a socket of this machine |
/// | `a:1,b:2` | tried in order |
struct ServerAddress: Equatable, Sendable {
  static let usualPort = 7070

  /// For the channel.
  let target: String
  /// What the scheme says about TLS; nil: it says nothing.
  let tls: Bool?

  init(_ text: String) throws(Complaint) {
    var targets: [String] = []
    var tls: Bool?
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      let (target, secure) = try Self.one(part.trimmingBlanks(), of: text)
      if let secure {
        guard tls == nil || tls == secure else {
          throw Self.none(text, "some of its addresses are with TLS and some without")
        }
        tls = secure
      }
      targets.append(target)
    }
    target = targets.joined(separator: ",")
    self.tls = tls
  }

  private static func one(
    _ text: String, of whole: String
  ) throws(Complaint) -> (target: String, tls: Bool?) {
    if text.hasPrefix("unix:") { return (text, nil) }
    var rest = Substring(text)
    var tls: Bool?
    var port = usualPort
    if let scheme = text.firstRange(of: "://") {
      switch text[..<scheme.lowerBound].lowercased() {
      case "http": (tls, port) = (false, 80)
      case "https": (tls, port) = (true, 443)
      case "grpc": tls = false
      case "grpcs": tls = true
      default: throw none(whole, "its scheme is neither http nor https")
      }
      rest = text[scheme.upperBound...]
    }
    // The slash that browsers add; a path would lead nowhere.
    if rest.hasSuffix("/") { rest.removeLast() }
    guard !rest.contains("/") else { throw none(whole, "a path follows the address") }
    guard !rest.contains("@") else { throw none(whole, "it names a user: a key goes to --key") }
    guard !rest.isEmpty, !rest.contains(where: { $0.isWhitespace }) else { throw none(whole, nil) }
    var host = rest
    var digits: Substring?
    if rest.hasPrefix("[") {
      guard let end = rest.firstIndex(of: "]") else {
        throw none(whole, "its bracket is not closed")
      }
      host = rest[rest.index(after: rest.startIndex)..<end]
      let after = rest[rest.index(after: end)...]
      guard after.isEmpty || after.hasPrefix(":") else { throw none(whole, nil) }
      digits = after.isEmpty ? nil : after.dropFirst()
      guard host.contains(":") else { throw none(whole, "only IPv6 addresses stand in brackets") }
    } else if rest.count(where: { $0 == ":" }) == 1, let colon = rest.firstIndex(of: ":") {
      host = rest[..<colon]
      digits = rest[rest.index(after: colon)...]
    }
    if let digits {
      guard digits.allSatisfy({ $0.isASCII && $0.isNumber }), let number = Int(digits),
        (1...65_535).contains(number)
      else { throw none(whole, "\"\(digits)\" is no port between 1 and 65535") }
      port = number
    }
    if host.contains(":") {
      let address = host.prefix { $0 != "%" }
      let groups = address.split(separator: ":")
      // The last one may be an IPv4 address.
      guard
        groups.allSatisfy({ group in
          group.allSatisfy { $0.isASCII && $0.isHexDigit } && group.count <= 4
            || group.contains(".") && group.allSatisfy { $0 == "." || ($0.isASCII && $0.isNumber) }
        })
      else {
        throw none(
          whole,
          "\"\(host)\" is neither host:port nor an IPv6 address, which stands in brackets before a port"
        )
      }
    }
    guard !host.isEmpty else { throw none(whole, "it names no host") }
    return (host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)", tls)
  }

  private static func none(_ text: String, _ why: String?) -> Complaint {
    Complaint(
      "\"\(text)\" is no address of a server" + (why.map { ": " + $0 } ?? ""),
      next: "name one as host:port with --server", status: .invalid)
  }
}

extension StringProtocol {
  /// Without blanks and line ends on both sides.
  func trimmingBlanks() -> String {
    var text = Substring(self)
    while let first = text.first, first.isWhitespace { text.removeFirst() }
    while let last = text.last, last.isWhitespace { text.removeLast() }
    return String(text)
  }
}
