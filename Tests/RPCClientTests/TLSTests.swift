import ProtoWire
import RPCClient
import RPCCore
import RPCServer
import Testing

@Suite(.timeLimit(.minutes(2))) struct TLSTests {
  private let certificates: TestCertificates

  init() throws {
    certificates = try TestCertificates()
  }

  /// Makes one call; returns the error, nil when it went well.
  private func call(
    _ tls: ClientTLS?, host: String = "localhost", clientAuthority: String? = nil,
    acceptsPlaintext: Bool? = nil
  ) async throws -> RPCError? {
    let server = try await startServer(EchoService()) {
      $0.tls = ServerTLS(
        certificateFile: certificates.path("server.pem"),
        privateKeyFile: certificates.path("server.key"), clientAuthorityFile: clientAuthority,
        acceptsPlaintext: acceptsPlaintext)
    }
    let channel = try Channel(target: "\(host):\(server.port)", configuration: .init(tls: tls))
    var failure: RPCError?
    do {
      let options = CallOptions(timeout: .seconds(20))
      let response = try await channel.unary(Echo.make, Number(9), options: options)
      #expect(response.value.count == 9)
    } catch let error as RPCError {
      failure = error
    }
    await channel.close(grace: .zero)
    try await server.shutdown(grace: .zero)
    return failure
  }

  @Test("a server whose authority is trusted is called over TLS")
  func trusted() async throws {
    #expect(try await call(ClientTLS(trust: .file(certificates.path("ca.pem")))) == nil)
  }

  @Test("a server of another authority is not trusted")
  func untrusted() async throws {
    let error = try await call(ClientTLS(trust: .file(certificates.path("other-ca.pem"))))
    #expect(error?.code == .unavailable)
    let system = try await call(ClientTLS())
    #expect(system?.code == .unavailable)
  }

  @Test("the certificate must carry the name that was asked for")
  func name() async throws {
    let trust = ClientTLS.Trust.file(certificates.path("ca.pem"))
    let wrong = try await call(ClientTLS(trust: trust, serverName: "example.org"))
    #expect(wrong?.code == .unavailable)
    let address = try await call(ClientTLS(trust: trust), host: "127.0.0.1")
    #expect(address?.code == .unavailable)
    let named = try await call(
      ClientTLS(trust: trust, serverName: "localhost"), host: "127.0.0.1")
    #expect(named == nil)
  }

  @Test("a server that asks for a client's certificate gets it")
  func mutual() async throws {
    let authority = certificates.path("ca.pem")
    let identity = ClientTLS.Identity(
      certificateFile: certificates.path("client.pem"), keyFile: certificates.path("client.key"))
    let known = try await call(
      ClientTLS(trust: .file(authority), identity: identity), clientAuthority: authority)
    #expect(known == nil)
    let unknown = try await call(ClientTLS(trust: .file(authority)), clientAuthority: authority)
    #expect(unknown?.code == .unavailable)
  }

  @Test("a TLS port serves plain text unless it is told not to; a plain port serves no TLS")
  func mixed() async throws {
    #expect(try await call(nil) == nil)
    #expect(try await call(nil, acceptsPlaintext: false)?.code == .unavailable)
    try await withServer { _, _, server async throws in
      let channel = try Channel(
        target: "localhost:\(server.port)",
        configuration: .init(tls: ClientTLS(trust: .file(certificates.path("ca.pem")))))
      let error = await #expect(throws: RPCError.self) {
        try await channel.unary(
          Echo.unary, Bytes(), options: CallOptions(timeout: .seconds(20)))
      }
      #expect(error?.code == .unavailable)
      await channel.close(grace: .zero)
    }
  }

  @Test("a file that is missing is named when the channel is made")
  func missing() {
    #expect(throws: ChannelError.self) {
      _ = try Channel(
        target: "localhost:1", configuration: .init(tls: ClientTLS(trust: .file("/none.pem"))))
    }
  }
}
