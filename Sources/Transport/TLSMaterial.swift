public import NIOSSL
public import RPCCore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Why TLS cannot be set up, in words: which file or text, and what is wrong with it.
public struct TLSProblem: Error, Sendable, Hashable, CustomStringConvertible {
  public let description: String

  init(_ description: String) { self.description = description }
}

/// Makes certificates, keys and contexts of what a configuration names.
public enum TLSMaterial {
  /// The certificates of a PEM, in its order; at least one.
  public static func certificates(_ source: PEM) throws(TLSProblem) -> [NIOSSLCertificate] {
    let bytes = try read(source)
    do {
      let certificates = try NIOSSLCertificate.fromPEMBytes(bytes)
      if !certificates.isEmpty { return certificates }
    } catch {}
    throw TLSProblem("\(source) holds no certificate in PEM form, or one that is damaged")
  }

  /// The chain a side shows and the key that belongs to its first certificate.
  public static func identity(
    certificate: PEM, privateKey: PEM
  ) throws(TLSProblem) -> (chain: [NIOSSLCertificate], key: NIOSSLPrivateKey) {
    let chain = try certificates(certificate)
    let bytes = try read(privateKey)
    do {
      return (chain, try NIOSSLPrivateKey(bytes: bytes, format: .pem))
    } catch {
      throw TLSProblem(
        "\(privateKey) holds no private key in PEM form, or one that is damaged or encrypted")
    }
  }

  /// The context of a configuration that shows `certificate` with `privateKey`, or nothing.
  public static func context(
    _ configuration: TLSConfiguration, certificate: PEM?, privateKey: PEM?
  ) throws(TLSProblem) -> NIOSSLContext {
    do {
      return try NIOSSLContext(configuration: configuration)
    } catch {
      guard let certificate, let privateKey else {
        throw TLSProblem(CloseReason(error).text)
      }
      throw TLSProblem(
        "the private key in \(privateKey) does not belong to the certificate in \(certificate)")
    }
  }

  private static func read(_ source: PEM) throws(TLSProblem) -> [UInt8] {
    switch source {
    case .text(let text): return Array(text.utf8)
    case .file(let path):
      guard let file = fopen(path, "rb") else {
        throw TLSProblem("\(path) cannot be read: \(String(cString: strerror(errno)))")
      }
      defer { fclose(file) }
      var bytes: [UInt8] = []
      var part = [UInt8](repeating: 0, count: 16 * 1024)
      while true {
        let count = fread(&part, 1, part.count, file)
        guard count > 0 else { break }
        bytes += part[..<count]
        // A list of the world's authorities has some 200 KiB.
        guard bytes.count <= 16 << 20 else {
          throw TLSProblem("\(path) has more than 16 MiB, which no file of certificates has")
        }
      }
      guard ferror(file) == 0 else {
        throw TLSProblem("\(path) cannot be read: \(String(cString: strerror(errno)))")
      }
      return bytes
    }
  }
}
