import NIOCore
public import NIOSSL
public import RPCCore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Whose certificates one side accepts of the other.
///
/// BoringSSL takes nothing for a trust root that may not sign certificates, where OpenSSL accepts a server's own self-signed
/// certificate. So a PEM that holds no authority pins: its certificates are trusted for themselves, and nothing else is. Beside
/// an authority such a certificate does nothing, as in a file with a whole chain.
public struct PeerTrust: Sendable {
  /// For `TLSConfiguration.trustRoots`.
  public let roots: NIOSSLTrustRoots
  private let pins: [Pin]

  private struct Pin: Sendable {
    let der: [UInt8]
    let facts: CertificateFacts
    let validFrom: Int
    let validUntil: Int
  }

  /// The system's authorities.
  public static let system = PeerTrust(roots: .default, pins: [])

  private init(roots: NIOSSLTrustRoots, pins: [Pin]) {
    self.roots = roots
    self.pins = pins
  }

  /// The authorities of a PEM and no others, or its certificates themselves.
  public init(_ source: PEM) throws(TLSProblem) {
    let certificates = try TLSMaterial.certificates(source)
    var pins: [Pin] = []
    for certificate in certificates {
      guard let der = try? certificate.toDERBytes(), let facts = CertificateFacts(der: der) else {
        throw TLSProblem("\(source) holds a certificate that is damaged")
      }
      guard !facts.mayIssue else { continue }
      let pin = Pin(
        der: der, facts: facts, validFrom: Int(certificate.notValidBefore),
        validUntil: Int(certificate.notValidAfter))
      guard pin.validFrom <= pin.validUntil else {
        throw TLSProblem("\(source) holds a certificate that ends before it begins to be valid")
      }
      pins.append(pin)
    }
    self.init(
      roots: .certificates(certificates), pins: pins.count == certificates.count ? pins : [])
  }

  /// Whether certificates are trusted for themselves, so that ``accepts(_:purpose:name:now:)`` decides instead of BoringSSL.
  public var isPinned: Bool { !pins.isEmpty }

  /// Makes the handler of a client's connection.
  /// - Parameter name: the name or address that the server's certificate must carry.
  public func clientHandler(
    _ context: NIOSSLContext, name: String?
  ) throws -> NIOSSLClientHandler {
    // A server name in TLS is never an address (RFC 6066 section 3).
    let isAddress = name.map { Self.addressBytes($0) != nil } ?? true
    let serverName = isAddress ? nil : name
    guard isPinned else {
      return try NIOSSLClientHandler(context: context, serverHostname: serverName)
    }
    return try NIOSSLClientHandler(
      context: context, serverHostname: serverName,
      customVerificationCallback: { chain, promise in
        let accepted = self.accepts(
          chain, purpose: CertificateFacts.Purpose.server, name: name ?? "", now: Int(time(nil)))
        promise.succeed(accepted ? .certificateVerified : .failed)
      })
  }

  /// Makes the handler of a server's connection.
  func serverHandler(_ context: NIOSSLContext) -> NIOSSLServerHandler {
    guard isPinned else { return NIOSSLServerHandler(context: context) }
    return NIOSSLServerHandler(
      context: context,
      customVerificationCallback: { chain, promise in
        let accepted = self.accepts(
          chain, purpose: CertificateFacts.Purpose.client, name: nil, now: Int(time(nil)))
        promise.succeed(accepted ? .certificateVerified : .failed)
      })
  }

  /// Whether the first certificate of a chain is one of the pinned ones, fit for its purpose, made out to `name` and valid
  /// at `now`, in seconds since 1970. The handshake has proved that the peer has its key.
  private func accepts(
    _ chain: [NIOSSLCertificate], purpose: [UInt8], name: String?, now: Int
  ) -> Bool {
    guard let der = try? chain.first?.toDERBytes(), let pin = pins.first(where: { $0.der == der })
    else { return false }
    guard pin.facts.serves(purpose), pin.validFrom <= now, now <= pin.validUntil else {
      return false
    }
    guard let name else { return true }
    if let address = Self.addressBytes(name) { return pin.facts.addresses.contains(address) }
    return pin.facts.isFor(name: name)
  }

  private static func addressBytes(_ text: String) -> [UInt8]? {
    var v4 = in_addr()
    if inet_pton(AF_INET, text, &v4) == 1 { return withUnsafeBytes(of: v4) { Array($0) } }
    var v6 = in6_addr()
    if inet_pton(AF_INET6, text, &v6) == 1 { return withUnsafeBytes(of: v6) { Array($0) } }
    return nil
  }
}
