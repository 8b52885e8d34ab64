import Transport

/// The certificates of a server, and whose clients it trusts. Files are PEM.
public struct ServerTLS: Sendable {
  /// The server's certificate, followed by those that lead to its authority.
  public var certificateFile: String
  public var privateKeyFile: String
  /// The authorities of client certificates; nil: clients need none. When set, a client without a valid certificate is refused.
  public var clientAuthorityFile: String?

  public init(certificateFile: String, privateKeyFile: String, clientAuthorityFile: String? = nil) {
    self.certificateFile = certificateFile
    self.privateKeyFile = privateKeyFile
    self.clientAuthorityFile = clientAuthorityFile
  }

  var listener: ListenerTLS {
    ListenerTLS(
      certificateFile: certificateFile, privateKeyFile: privateKeyFile,
      clientAuthorityFile: clientAuthorityFile)
  }
}
