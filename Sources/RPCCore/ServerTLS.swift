/// The certificates of a server, and whose clients it trusts.
///
/// ```swift
/// configuration.tls = ServerTLS(certificateFile: "server.pem", privateKeyFile: "server.key")
/// configuration.tls = ServerTLS(certificate: .text(chain), privateKey: .text(key))
/// ```
public struct ServerTLS: Sendable {
  /// The server's certificate, followed by those that lead to its authority.
  public var certificate: PEM
  public var privateKey: PEM
  /// The authorities of client certificates; nil: clients need none. When set, a client without a valid certificate is refused.
  /// Where no certificate in it may sign others, they are themselves those of the clients.
  public var clientAuthority: PEM?
  /// Whether clients may speak without TLS on the same port. By default they may, unless they must show a certificate.
  public var acceptsPlaintext: Bool

  public init(
    certificate: PEM, privateKey: PEM, clientAuthority: PEM? = nil, acceptsPlaintext: Bool? = nil
  ) {
    self.certificate = certificate
    self.privateKey = privateKey
    self.clientAuthority = clientAuthority
    self.acceptsPlaintext = acceptsPlaintext ?? (clientAuthority == nil)
  }

  /// With PEM files.
  public init(
    certificateFile: String, privateKeyFile: String, clientAuthorityFile: String? = nil,
    acceptsPlaintext: Bool? = nil
  ) {
    self.init(
      certificate: .file(certificateFile), privateKey: .file(privateKeyFile),
      clientAuthority: clientAuthorityFile.map { .file($0) }, acceptsPlaintext: acceptsPlaintext)
  }
}
