import NIOSSL
public import RPCCore
import Transport

/// How a channel secures its connection. HTTP/2 is chosen by ALPN.
///
/// ```swift
/// let tls = ClientTLS(trust: .file("ca.pem"))
/// let mutual = ClientTLS(
///   trust: .pem(authority), identity: .init(certificate: .text(chain), privateKey: .text(key)))
/// ```
public struct ClientTLS: Sendable, Hashable {
  /// Whose signature on the server's certificate is trusted.
  ///
  /// Where none of the certificates given may sign others, each is trusted for itself: so a server's
  /// own self-signed certificate can be named. Beside an authority such a certificate does nothing.
  public enum Trust: Sendable, Hashable {
    /// The system's certificate authorities.
    case system
    /// The authorities in this PEM file, and no others.
    case file(String)
    /// The authorities in this PEM text, and no others.
    case pem(String)
  }

  /// A certificate and its key, which the client shows to a server that asks (mTLS).
  public struct Identity: Sendable, Hashable {
    /// The certificate, followed by its chain.
    public var certificate: PEM
    public var privateKey: PEM

    public init(certificate: PEM, privateKey: PEM) {
      self.certificate = certificate
      self.privateKey = privateKey
    }

    /// With PEM files.
    public init(certificateFile: String, keyFile: String) {
      self.init(certificate: .file(certificateFile), privateKey: .file(keyFile))
    }
  }

  public var trust: Trust
  public var identity: Identity?
  /// The name that the server's certificate must carry; nil: the host of the target.
  public var serverName: String?

  public init(trust: Trust = .system, identity: Identity? = nil, serverName: String? = nil) {
    self.trust = trust
    self.identity = identity
    self.serverName = serverName
  }

  /// What a connection's TLS is made of.
  struct Ready {
    let context: NIOSSLContext
    let server: PeerTrust
    let serverName: String?

    /// The handler of a connection to `host`, nil for a path.
    func makeHandler(host: String?) throws -> NIOSSLClientHandler {
      try server.clientHandler(context, name: serverName ?? host)
    }
  }

  /// Reads what is in files. Throws when one is missing or not PEM, or the key does not fit the
  /// certificate.
  func ready() throws(TLSProblem) -> Ready {
    var configuration = TLSConfiguration.makeClientConfiguration()
    configuration.minimumTLSVersion = .tlsv12
    configuration.applicationProtocols = ["h2"]
    let server: PeerTrust =
      switch trust {
      case .system: .system
      case .file(let path): try PeerTrust(.file(path))
      case .pem(let text): try PeerTrust(.text(text))
      }
    configuration.trustRoots = server.roots
    if let identity {
      let shown = try TLSMaterial.identity(
        certificate: identity.certificate, privateKey: identity.privateKey)
      configuration.certificateChain = shown.chain.map { .certificate($0) }
      configuration.privateKey = .privateKey(shown.key)
    }
    return Ready(
      context: try TLSMaterial.context(
        configuration, certificate: identity?.certificate, privateKey: identity?.privateKey),
      server: server, serverName: serverName)
  }
}
