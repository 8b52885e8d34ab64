import NIOSSL

/// Says in words why a TLS connection failed: BoringSSL's texts name its own functions and files.
public enum TLSFailure {
  /// What is known of an error of a connection or a context; errors that are not TLS's as they say themselves.
  public static func text(_ error: any Error) -> String {
    let said = "\(error)"
    switch error {
    case let error as NIOSSLExtraError where error == .failedToValidateHostname:
      return "the certificate of the peer is not made out to the name it was called by"
    case is NIOSSLExtraError, is BoringSSLError, is NIOSSLError: break
    default: return said
    }
    let reasons = self.reasons(said)
    for (reason, words) in known where reasons.contains(reason) { return words }
    if let error = error as? NIOSSLError, error == .uncleanShutdown {
      return "the connection ended in the middle of TLS"
    }
    if said.contains("EOF during handshake") { return "the peer hung up on the TLS handshake" }
    guard let reason = reasons.last else { return "TLS failed" }
    return "TLS failed: " + reason.lowercased().map { $0 == "_" ? " " : $0 }
  }

  /// The names of BoringSSL's reasons in an error's text.
  private static func reasons(_ text: String) -> [Substring] {
    let mark = "OPENSSL_internal:"
    return text.ranges(of: mark).map { range in
      text[range.upperBound...].prefix { $0.isLetter || $0.isNumber || $0 == "_" }
    }
  }

  private static let known: [(reason: Substring, words: String)] = [
    (
      "CERTIFICATE_VERIFY_FAILED",
      "the certificate of the peer is not trusted: no authority that is trusted here signed it, or it is not valid now"
    ),
    ("PEER_DID_NOT_RETURN_A_CERTIFICATE", "the peer showed no certificate"),
    ("TLSV1_ALERT_CERTIFICATE_REQUIRED", "the peer demands a client certificate"),
    ("TLSV1_ALERT_UNKNOWN_CA", "the peer does not trust the certificate it was shown"),
    ("SSLV3_ALERT_BAD_CERTIFICATE", "the peer refused the certificate it was shown"),
    ("SSLV3_ALERT_CERTIFICATE_EXPIRED", "the peer found the certificate it was shown expired"),
    ("SSLV3_ALERT_CERTIFICATE_UNKNOWN", "the peer refused the certificate it was shown"),
    (
      "SSLV3_ALERT_HANDSHAKE_FAILURE",
      "the peer refused TLS: it does not speak TLS here, takes none of the offered ways, or demands a client certificate"
    ),
    ("WRONG_VERSION_NUMBER", "the peer does not speak TLS"),
    ("HTTP_REQUEST", "the peer does not speak TLS"),
    ("INVALID_OUTER_RECORD_TYPE", "the peer does not speak TLS"),
    ("UNSUPPORTED_PROTOCOL", "the peer speaks no version of TLS that is accepted here"),
    ("TLSV1_ALERT_PROTOCOL_VERSION", "the peer accepts no version of TLS that is spoken here"),
    ("TLSV1_ALERT_NO_APPLICATION_PROTOCOL", "the peer does not speak HTTP/2 over TLS"),
  ]
}
