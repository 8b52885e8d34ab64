import NIOCore

/// What a client hears that speaks something other than HTTP/2 to a plain port.
enum ForeignProtocol {
  /// The answer to a connection's first bytes; nil for what is best answered in HTTP/2.
  static func answer(to bytes: ByteBuffer) -> [UInt8]? {
    if bytes.readableBytesView.first == 22 { return tlsAlert }
    return isRequestLine(bytes.readableBytesView.prefix(8192)) ? http1 : nil
  }

  /// Whether `bytes` are a request line of HTTP/1 (RFC 9112 section 3), or as much of one as has arrived.
  private static func isRequestLine(_ bytes: some Sequence<UInt8>) -> Bool {
    var rest = bytes.makeIterator()
    var isFirst = true
    while let byte = rest.next() {
      if byte == UInt8(ascii: " ") { break }
      guard (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) else { return false }
      isFirst = false
    }
    guard !isFirst else { return false }
    while let byte = rest.next() {
      if byte == UInt8(ascii: " ") { break }
      guard byte > 0x20, byte < 0x7f else { return false }
    }
    // PRI announces HTTP/2 (RFC 9113 section 3.4).
    for expected in "HTTP/1.".utf8 {
      guard let byte = rest.next() else { return true }
      guard byte == expected else { return false }
    }
    return true
  }

  /// A fatal `handshake_failure` (RFC 8446 section 6): TLS is not spoken on this port.
  private static let tlsAlert: [UInt8] = [21, 3, 3, 0, 2, 2, 40]

  /// A response of HTTP/1.1.
  private static let http1: [UInt8] = {
    let body = """
      This is a gRPC server: it speaks HTTP/2 without an upgrade, over TLS or with prior knowledge \
      (curl --http2-prior-knowledge).

      """
    let head = [
      "HTTP/1.1 505 HTTP Version Not Supported", "content-type: text/plain; charset=utf-8",
      "content-length: \(body.utf8.count)", "connection: close", "", "",
    ]
    return Array((head.joined(separator: "\r\n") + body).utf8)
  }()
}
