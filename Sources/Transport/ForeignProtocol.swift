import NIOCore

/// What a client hears that speaks something other than HTTP/2 to a plain port.
enum ForeignProtocol {
  /// The answer to a connection's first bytes; nil when nobody would understand one.
  static func answer(to bytes: ByteBuffer) -> [UInt8]? {
    switch bytes.getInteger(at: bytes.readerIndex, as: UInt8.self) {
    case 22: tlsAlert
    case .some(UInt8(ascii: "A")...UInt8(ascii: "Z")): http1
    default: nil
    }
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
