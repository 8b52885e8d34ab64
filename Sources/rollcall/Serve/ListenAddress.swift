import ArgumentParser
import Glibc

/// Where a server listens: "127.0.0.1:7070", "[::1]:7070", "localhost:0".
struct ListenAddress: ExpressibleByArgument, Equatable, Sendable, CustomStringConvertible {
  let host: String
  let port: Int

  static let standard = ListenAddress(host: "127.0.0.1", port: 7070)

  init(host: String, port: Int) {
    self.host = host
    self.port = port
  }

  /// Port 0 asks for any free one. An IPv6 address stands in brackets.
  init?(argument: String) {
    guard let colon = argument.lastIndex(of: ":") else { return nil }
    var host = argument[..<colon]
    let digits = argument[argument.index(after: colon)...]
    guard !digits.isEmpty, digits.allSatisfy({ $0.isASCII && $0.isNumber }),
      let port = Int(digits), port <= 65_535
    else { return nil }
    if host.hasPrefix("[") {
      guard host.hasSuffix("]") else { return nil }
      host = host.dropFirst().dropLast()
    } else if host.contains(":") {
      return nil
    }
    guard !host.isEmpty else { return nil }
    self.init(host: String(host), port: port)
  }

  /// Whether only this machine reaches it.
  var isLoopback: Bool {
    if host.lowercased() == "localhost" { return true }
    var (ipv4, ipv6) = (in_addr(), in6_addr())
    if inet_pton(AF_INET, host, &ipv4) == 1 { return UInt32(bigEndian: ipv4.s_addr) >> 24 == 127 }
    guard inet_pton(AF_INET6, host, &ipv6) == 1 else { return false }
    return withUnsafeBytes(of: ipv6) { bytes in
      bytes.dropLast().allSatisfy { $0 == 0 } && bytes.last == 1
    }
  }

  var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

  var defaultValueDescription: String { description }
}
