import NIOSSL
import RPCCore

extension ServerTLS {
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
