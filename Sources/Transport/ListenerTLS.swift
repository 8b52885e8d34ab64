import NIOSSL
public import RPCCore

/// The certificates of a server, and whose clients it trusts.
public struct ListenerTLS: Sendable {
  /// The server's certificate, followed by those that lead to its authority.
  public var certificate: PEM
  public var privateKey: PEM
  /// The authorities of client certificates, or client certificates themselves; nil: clients need none. When set, a client without a valid certificate is refused.
  public var clientAuthority: PEM?
  /// Whether clients may speak without TLS on the same port.
  public var acceptsPlaintext: Bool

  public init(
    certificate: PEM, privateKey: PEM, clientAuthority: PEM? = nil, acceptsPlaintext: Bool
  ) {
    self.certificate = certificate
    self.privateKey = privateKey
    self.clientAuthority = clientAuthority
    self.acceptsPlaintext = acceptsPlaintext
  }

  /// What a connection's TLS is made of.
  struct Ready: Sendable {
    let context: NIOSSLContext
    let clients: PeerTrust?
    let acceptsPlaintext: Bool

    func makeHandler() -> NIOSSLServerHandler {
      clients?.serverHandler(context) ?? NIOSSLServerHandler(context: context)
    }
  }

  /// Reads what is in files. Throws when one is missing or not PEM, or the key does not fit the certificate.
  func ready() throws(TLSProblem) -> Ready {
    let identity = try TLSMaterial.identity(certificate: certificate, privateKey: privateKey)
    var configuration = TLSConfiguration.makeServerConfiguration(
      certificateChain: identity.chain.map { .certificate($0) },
      privateKey: .privateKey(identity.key))
    configuration.minimumTLSVersion = .tlsv12
    configuration.applicationProtocols = ["h2"]
    var clients: PeerTrust?
    if let clientAuthority {
      let trust = try PeerTrust(clientAuthority)
      configuration.trustRoots = trust.roots
      configuration.certificateVerification = .noHostnameVerification
      clients = trust
    }
    return Ready(
      context: try TLSMaterial.context(
        configuration, certificate: certificate, privateKey: privateKey),
      clients: clients, acceptsPlaintext: acceptsPlaintext)
  }
}
