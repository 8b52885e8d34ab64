import API
import ProtoWire
import RPCClient
import RPCCore

/// A channel to a server with the typed clients over it, for the time of one command.
struct Session: Sendable {
  let channel: Channel
  let auth: AuthServiceClient
  let catalog: CatalogServiceClient
  let devices: DeviceServiceClient
  let deployments: DeploymentServiceClient
  /// For unary calls: bounded, and repeated while the server is away.
  let options: CallOptions
  /// For watches: as long as they last.
  let streaming = CallOptions()
  let output: ServerOptions.Output

  init(_ profile: ClientProfile, timeout: Int = 30, output: ServerOptions.Output = .table) throws {
    guard let key = profile.key else { throw Complaint.noKey }
    let server = profile.server ?? "127.0.0.1:7070"
    guard (profile.certificate == nil) == (profile.certificateKey == nil) else {
      throw Complaint.halfAnIdentity
    }
    let identity = profile.certificate.flatMap { certificate in
      profile.certificateKey.map {
        ClientTLS.Identity(certificateFile: certificate, keyFile: $0)
      }
    }
    var configuration = Channel.Configuration()
    configuration.credentials = try .bearer(key)
    if profile.tls == true || profile.authorities != nil || identity != nil {
      configuration.tls = ClientTLS(
        trust: profile.authorities.map { .file($0) } ?? .system, identity: identity)
    }
    channel = try Channel(target: server, configuration: configuration)
    auth = AuthServiceClient(channel)
    catalog = CatalogServiceClient(channel)
    devices = DeviceServiceClient(channel)
    deployments = DeploymentServiceClient(channel)
    // Every mutation carries a request id, so its repetition is not done twice.
    options = CallOptions(timeout: .seconds(timeout), retry: RetryPolicy(scope: .allMethods))
    self.output = output
  }

  /// Opens a session, runs `body`, closes it, also when `body` throws. What a call ends with becomes a complaint.
  static func run(_ options: ServerOptions, _ body: (Session) async throws -> Void) async throws {
    let profile = try options.profile()
    try await run(
      Session(profile, timeout: options.timeout, output: options.output),
      server: profile.server ?? "", body)
  }

  static func run(
    _ session: Session, server: String, _ body: (Session) async throws -> Void
  ) async throws {
    do {
      try await body(session)
    } catch {
      await session.channel.close()
      if let complaint = Complaint(wrapping: error, server: server) { throw complaint }
      throw error
    }
    await session.channel.close()
  }

  /// A new idempotency key: a repeat of the same call is not done twice.
  static func requestID() -> String {
    var generator = SystemRandomNumberGenerator()
    return String(generator.next(), radix: 16) + String(generator.next(), radix: 16)
  }

  /// Shows an answer: its JSON form, or what `table` makes of it.
  func show(_ message: some Message, table: () -> String) throws {
    switch output {
    case .json: Terminal.shared.line(try message.json())
    case .table: Terminal.shared.line(table())
    }
  }
}
