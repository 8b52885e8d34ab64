import ProtoWire
import RPCClient
import RPCCore
import RPCServer
import Testing
import Transport

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
    try await call(
      tls, host: host,
      server: ServerTLS(
        certificateFile: certificates.path("server.pem"),
        privateKeyFile: certificates.path("server.key"), clientAuthorityFile: clientAuthority,
        acceptsPlaintext: acceptsPlaintext))
  }

  private func call(
    _ tls: ClientTLS?, host: String = "localhost", server configuration: ServerTLS
  ) async throws -> RPCError? {
    let server = try await startServer(EchoService()) { $0.tls = configuration }
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
    #expect(Self.kind(error) == .untrusted)
    let system = try await call(ClientTLS())
    #expect(system?.code == .unavailable)
  }

  @Test("the certificate must carry the name that was asked for")
  func name() async throws {
    let trust = ClientTLS.Trust.file(certificates.path("ca.pem"))
    let wrong = try await call(ClientTLS(trust: trust, serverName: "example.org"))
    #expect(wrong?.code == .unavailable)
    #expect(Self.kind(wrong) == .otherName)
    let address = try await call(ClientTLS(trust: trust), host: "127.0.0.1")
    #expect(address?.code == .unavailable)
    let named = try await call(
      ClientTLS(trust: trust, serverName: "localhost"), host: "127.0.0.1")
    #expect(named == nil)
  }

  /// What the client says of a connection that did not come about, for programs.
  private static func kind(_ error: RPCError?) -> CloseReason.Kind? {
    let infos = error?.details.compactMap { try? $0.unpacked(as: Google_Rpc_ErrorInfo.self) }
    guard let info = infos?.first, info.domain == "rpc.client" else { return nil }
    return CloseReason.Kind(rawValue: info.reason)
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
    let refused = try await call(nil, acceptsPlaintext: false)
    #expect(refused?.code == .unavailable)
    #expect(Self.kind(refused) == .closedByPeer)
    try await withServer { _, _, server async throws in
      let channel = try Channel(
        target: "localhost:\(server.port)",
        configuration: .init(tls: ClientTLS(trust: .file(certificates.path("ca.pem")))))
      let error = await #expect(throws: RPCError.self) {
        try await channel.unary(
          Echo.unary, Bytes(), options: CallOptions(timeout: .seconds(20)))
      }
      #expect(error?.code == .unavailable)
      #expect(error?.message.contains("does not speak TLS") == true)
      // The server tells a client with TLS so by an alert, which could mean other things as well.
      #expect(Self.kind(error) == .refused)
      await channel.close(grace: .zero)
    }
  }

  @Test("certificates and keys may come as texts, on both sides")
  func texts() async throws {
    let authority = try certificates.text("ca.pem")
    let server = ServerTLS(
      certificate: .text(try certificates.text("server.pem")),
      privateKey: .text(try certificates.text("server.key")), clientAuthority: .text(authority))
    let identity = ClientTLS.Identity(
      certificate: .text(try certificates.text("client.pem")),
      privateKey: .text(try certificates.text("client.key")))
    #expect(
      try await call(ClientTLS(trust: .pem(authority), identity: identity), server: server) == nil)
    #expect(!"\(server) \(identity)".contains("PRIVATE KEY"), "a key is never described")
  }

  private var own: ServerTLS {
    ServerTLS(
      certificateFile: certificates.path("own.pem"), privateKeyFile: certificates.path("own.key"))
  }

  @Test("a server's own certificate, which may sign no other, is trusted for itself")
  func pinned() async throws {
    let trust = ClientTLS(trust: .file(certificates.path("own.pem")))
    for host in ["localhost", "127.0.0.1"] {
      #expect(try await call(trust, host: host, server: own) == nil)
    }
    let wildcard = ClientTLS(trust: trust.trust, serverName: "a.example.org")
    #expect(try await call(wildcard, server: own) == nil)
    for name in ["b.a.example.org", "example.org", "127.0.0.2", "other"] {
      let named = ClientTLS(trust: trust.trust, serverName: name)
      #expect(try await call(named, server: own)?.code == .unavailable, "\(name)")
    }
    // For no other server, and not for another certificate of the same name.
    #expect(try await call(trust)?.code == .unavailable)
    #expect(
      try await call(ClientTLS(trust: .file(certificates.path("ca.pem"))), server: own)?.code
        == .unavailable)
  }

  @Test("a pinned certificate serves its purpose only, and beside an authority not at all")
  func pinnedPurpose() async throws {
    let client = ServerTLS(
      certificateFile: certificates.path("own-client.pem"),
      privateKeyFile: certificates.path("own-client.key"))
    let trust = ClientTLS(
      trust: .file(certificates.path("own-client.pem")), serverName: "own-client")
    #expect(try await call(trust, server: client)?.code == .unavailable)
    let both = try certificates.text("ca.pem") + certificates.text("own.pem")
    #expect(try await call(ClientTLS(trust: .pem(both))) == nil)
    #expect(try await call(ClientTLS(trust: .pem(both)), server: own)?.code == .unavailable)
  }

  @Test("a client's own certificate is trusted for itself, and no other")
  func pinnedClient() async throws {
    var server = own
    server.clientAuthority = .file(certificates.path("own-client.pem"))
    server.acceptsPlaintext = false
    func identity(_ name: String) -> ClientTLS.Identity {
      .init(
        certificateFile: certificates.path("\(name).pem"), keyFile: certificates.path("\(name).key")
      )
    }
    let trust = ClientTLS.Trust.file(certificates.path("own.pem"))
    #expect(
      try await call(ClientTLS(trust: trust, identity: identity("own-client")), server: server)
        == nil)
    for other in [identity("own"), identity("client"), nil] {
      let error = try await call(ClientTLS(trust: trust, identity: other), server: server)
      #expect(error?.code == .unavailable)
    }
  }

  @Test("what is wrong with TLS is said in words")
  func words() async throws {
    let trust = ClientTLS.Trust.file(certificates.path("ca.pem"))
    let authority = certificates.path("ca.pem")
    let untrusted = try await call(ClientTLS(trust: .file(certificates.path("other-ca.pem"))))
    #expect(untrusted?.message.contains("no authority that is trusted here signed it") == true)
    let name = try await call(ClientTLS(trust: trust, serverName: "example.org"))
    #expect(name?.message.contains("not made out to the name") == true)
    let demanded = try await call(ClientTLS(trust: trust), clientAuthority: authority)
    #expect(demanded?.message.contains("demands a client certificate") == true)
    for error in [untrusted, name, demanded] {
      let text = try #require(error?.message)
      for word in ["BoringSSL", "OPENSSL", "checkouts", "Error"] {
        #expect(!text.contains(word), "\(text)")
      }
    }
  }

  @Test("files and texts that are no certificate or key are named when channel and server are made")
  func unusable() async throws {
    func problem(_ tls: ClientTLS) -> String {
      do {
        _ = try Channel(target: "localhost:1", configuration: .init(tls: tls))
        return "none"
      } catch {
        return error.description
      }
    }
    #expect(
      problem(ClientTLS(trust: .file("/none.pem")))
        == "TLS cannot be set up: /none.pem cannot be read: No such file or directory")
    let key = certificates.path("server.key")
    #expect(
      problem(ClientTLS(trust: .file(key)))
        == "TLS cannot be set up: \(key) holds no certificate in PEM form, or one that is damaged")
    #expect(
      problem(ClientTLS(trust: .pem("")))
        == "TLS cannot be set up: the PEM text holds no certificate in PEM form, or one that is damaged"
    )
    let certificate = certificates.path("server.pem")
    #expect(
      problem(
        ClientTLS(identity: .init(certificateFile: certificate, keyFile: certificate)))
        == "TLS cannot be set up: \(certificate) holds no private key in PEM form, or one that is damaged or encrypted"
    )
    let other = certificates.path("client.key")
    #expect(
      problem(ClientTLS(identity: .init(certificateFile: certificate, keyFile: other)))
        == "TLS cannot be set up: the private key in \(other) does not belong to the certificate in \(certificate)"
    )
    await #expect {
      _ = try await startServer(EchoService()) {
        $0.tls = ServerTLS(certificateFile: certificate, privateKeyFile: other)
      }
    } throws: { error in
      "\(error)"
        == "the private key in \(other) does not belong to the certificate in \(certificate)"
    }
  }

  @Test("a certificate that ends before it begins is refused in words, on both sides")
  func reversedDates() async throws {
    try certificates.selfSigned(
      "reversed", extensions: "basicConstraints=critical,CA:FALSE\n", days: -1)
    let path = certificates.path("reversed.pem")
    let words = "\(path) holds a certificate that ends before it begins to be valid"
    #expect {
      _ = try Channel(target: "localhost:1", configuration: .init(tls: .init(trust: .file(path))))
    } throws: { error in
      "\(error)".contains(words)
    }
    var server = own
    server.clientAuthority = .file(path)
    await #expect {
      _ = try await startServer(EchoService()) { $0.tls = server }
    } throws: { error in
      "\(error)".contains(words)
    }
  }
}
