import NIOSSL

/// Why a connection ended: words for people, and what programs may have to tell apart.
public struct CloseReason: Sendable, Hashable {
  /// What can be helped by calling otherwise. The raw value is the `reason` of the `google.rpc.ErrorInfo` that calls get.
  public enum Kind: String, Sendable, CaseIterable {
    /// The peer answers, and not in TLS.
    case speaksNoTLS = "TLS_NOT_SPOKEN"
    /// The peer ended the connection before the handshake was over.
    case hungUp = "TLS_HUNG_UP"
    /// The peer takes none of the versions or ways of TLS that were offered, or does not speak HTTP/2 over it.
    case refused = "TLS_REFUSED"
    /// The peer demands a certificate.
    case certificateRequired = "TLS_CERTIFICATE_REQUIRED"
    /// The peer does not take the certificate that it was shown.
    case certificateRefused = "TLS_CERTIFICATE_REFUSED"
    /// Nobody who is trusted here vouches for the peer's certificate.
    case untrusted = "TLS_UNTRUSTED"
    /// The peer's certificate is made out to other names.
    case otherName = "TLS_OTHER_NAME"
    /// The peer closed the connection without a word.
    case closedByPeer = "CONNECTION_CLOSED"
  }

  public var text: String
  /// nil: nothing that one could call otherwise.
  public var kind: Kind?

  public init(_ text: String, _ kind: Kind? = nil) {
    self.text = text
    self.kind = kind
  }

  /// The same with the peer's name before it.
  public func of(_ peer: String) -> CloseReason { CloseReason("\(peer): \(text)", kind) }
}

extension CloseReason: ExpressibleByStringInterpolation {
  public init(stringLiteral text: String) { self.init(text) }
}

extension CloseReason {
  /// What is known of an error of a connection or a TLS context: BoringSSL's own texts name its functions and files. Errors that
  /// are not TLS's as they say themselves.
  public init(_ error: any Error) {
    let said = "\(error)"
    switch error {
    case let error as NIOSSLExtraError where error == .failedToValidateHostname:
      self.init(
        "the certificate of the peer is not made out to the name it was called by", .otherName)
      return
    case is NIOSSLExtraError, is BoringSSLError, is NIOSSLError: break
    default:
      self.init(said)
      return
    }
    let reasons = Self.reasons(said)
    if let (_, kind, words) = Self.known.first(where: { reasons.contains($0.reason) }) {
      self.init(words, kind)
    } else if let error = error as? NIOSSLError, error == .uncleanShutdown {
      self.init("the connection ended in the middle of TLS", .hungUp)
    } else if said.contains("EOF during handshake") {
      self.init("the peer hung up on the TLS handshake", .hungUp)
    } else if let reason = reasons.last {
      self.init("TLS failed: " + reason.lowercased().map { $0 == "_" ? " " : $0 })
    } else {
      self.init("TLS failed")
    }
  }

  /// The names of BoringSSL's reasons in an error's text.
  private static func reasons(_ text: String) -> [Substring] {
    let mark = "OPENSSL_internal:"
    return text.ranges(of: mark).map { range in
      text[range.upperBound...].prefix { $0.isLetter || $0.isNumber || $0 == "_" }
    }
  }

  private static let known: [(reason: Substring, kind: Kind?, words: String)] = [
    (
      "CERTIFICATE_VERIFY_FAILED", .untrusted,
      "the certificate of the peer is not trusted: no authority that is trusted here signed it, or it is not valid now"
    ),
    ("PEER_DID_NOT_RETURN_A_CERTIFICATE", nil, "the peer showed no certificate"),
    (
      "TLSV1_ALERT_CERTIFICATE_REQUIRED", .certificateRequired,
      "the peer demands a client certificate"
    ),
    (
      "TLSV1_ALERT_UNKNOWN_CA", .certificateRefused,
      "the peer does not trust the certificate it was shown"
    ),
    (
      "SSLV3_ALERT_BAD_CERTIFICATE", .certificateRefused,
      "the peer refused the certificate it was shown"
    ),
    (
      "SSLV3_ALERT_CERTIFICATE_EXPIRED", .certificateRefused,
      "the peer found the certificate it was shown expired"
    ),
    (
      "SSLV3_ALERT_CERTIFICATE_UNKNOWN", .certificateRefused,
      "the peer refused the certificate it was shown"
    ),
    (
      "SSLV3_ALERT_HANDSHAKE_FAILURE", .refused,
      "the peer refused TLS: it does not speak TLS here, takes none of the offered ways, or demands a client certificate"
    ),
    ("WRONG_VERSION_NUMBER", .speaksNoTLS, "the peer does not speak TLS"),
    ("HTTP_REQUEST", .speaksNoTLS, "the peer does not speak TLS"),
    ("INVALID_OUTER_RECORD_TYPE", .speaksNoTLS, "the peer does not speak TLS"),
    ("UNSUPPORTED_PROTOCOL", .refused, "the peer speaks no version of TLS that is accepted here"),
    (
      "TLSV1_ALERT_PROTOCOL_VERSION", .refused,
      "the peer accepts no version of TLS that is spoken here"
    ),
    ("TLSV1_ALERT_NO_APPLICATION_PROTOCOL", .refused, "the peer does not speak HTTP/2 over TLS"),
  ]
}
