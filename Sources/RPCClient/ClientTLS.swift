import NIOSSL

/// How a channel secures its connection. HTTP/2 is chosen by ALPN.
public struct ClientTLS: Sendable, Hashable {
  /// Whose signature on the server's certificate is trusted.
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
    /// PEM file with the certificate, followed by its chain.
    public var certificateFile: String
    /// PEM file with the private key.
    public var keyFile: String

    public init(certificateFile: String, keyFile: String) {
      self.certificateFile = certificateFile
      self.keyFile = keyFile
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

  /// Reads the files.
  /// - Throws: what NIOSSL says of a file that is missing or no PEM.
  func makeContext() throws -> NIOSSLContext {
    var configuration = TLSConfiguration.makeClientConfiguration()
    configuration.minimumTLSVersion = .tlsv12
    configuration.applicationProtocols = ["h2"]
    switch trust {
    case .system: configuration.trustRoots = .default
    case .file(let path): configuration.trustRoots = .file(path)
    case .pem(let text):
      configuration.trustRoots = .certificates(
        try NIOSSLCertificate.fromPEMBytes(Array(text.utf8)))
    }
    if let identity {
      configuration.certificateChain = try NIOSSLCertificate.fromPEMFile(identity.certificateFile)
        .map { .certificate($0) }
      configuration.privateKey = .privateKey(
        try NIOSSLPrivateKey(file: identity.keyFile, format: .pem))
    }
    return try NIOSSLContext(configuration: configuration)
  }
}
