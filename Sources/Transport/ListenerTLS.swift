import NIOSSL

/// The certificates of a server, and whose clients it trusts. Files are PEM.
public struct ListenerTLS: Sendable {
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

  /// Reads the files. Throws when one is missing or not PEM, or the key does not fit the certificate.
  func makeContext() throws -> NIOSSLContext {
    let chain = try NIOSSLCertificate.fromPEMFile(certificateFile)
    let key = try NIOSSLPrivateKey(file: privateKeyFile, format: .pem)
    var configuration = TLSConfiguration.makeServerConfiguration(
      certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
    configuration.minimumTLSVersion = .tlsv12
    configuration.applicationProtocols = ["h2"]
    if let clientAuthorityFile {
      configuration.trustRoots = .file(clientAuthorityFile)
      configuration.certificateVerification = .noHostnameVerification
    }
    return try NIOSSLContext(configuration: configuration)
  }
}
