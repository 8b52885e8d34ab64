import Transport

/// The certificates of a server, and whose clients it trusts. Files are PEM.
public struct ServerTLS: Sendable {
  /// The server's certificate, followed by those that lead to its authority.
  public var certificateFile: String
  public var privateKeyFile: String
  /// The authorities of client certificates; nil: clients need none. When set, a client without a valid certificate is refused.
  public var clientAuthorityFile: String?
  /// Whether clients may speak without TLS on the same port. By default they may, unless they must show a certificate.
  public var acceptsPlaintext: Bool

  public init(
    certificateFile: String, privateKeyFile: String, clientAuthorityFile: String? = nil,
    acceptsPlaintext: Bool? = nil
  ) {
    self.certificateFile = certificateFile
    self.privateKeyFile = privateKeyFile
    self.clientAuthorityFile = clientAuthorityFile
    self.acceptsPlaintext = acceptsPlaintext ?? (clientAuthorityFile == nil)
  }

  var listener: ListenerTLS {
    ListenerTLS(
      certificateFile: certificateFile, privateKeyFile: privateKeyFile,
      clientAuthorityFile: clientAuthorityFile, acceptsPlaintext: acceptsPlaintext)
  }
}
