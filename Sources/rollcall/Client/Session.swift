import API
import Glibc
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
  let output: ServerOptions.Output
  /// When the command must be over; nil: it has no bound of its own.
  let end: ContinuousClock.Instant?

  /// How long one call may take when the command has no bound.
  static let callTimeout = Duration.seconds(30)
  /// Silence after which the server is asked whether it lives, and how long it may take to say so.
  static let keepalive = KeepalivePolicy(interval: .seconds(15), timeout: .seconds(10))

  /// For unary calls: bounded, and repeated while the server is away.
  var options: CallOptions {
    // Every mutation carries a request id, so its repetition is not done twice.
    CallOptions(timeout: remaining ?? Self.callTimeout, retry: RetryPolicy(scope: .allMethods))
  }

  /// For watches and transfers: as long as they last, or the command may.
  var streaming: CallOptions { CallOptions(timeout: remaining) }

  private var remaining: Duration? { end.map { max(.milliseconds(1), $0 - .now) } }

  init(
    _ profile: ClientProfile, timeout: Int? = nil, output: ServerOptions.Output = .table
  ) throws {
    guard let key = profile.key, !key.isEmpty else { throw Complaint.noKey }
    guard key.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else { throw Complaint.notAKey }
    let server = try ServerAddress(profile.server ?? "127.0.0.1:7070")
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
    configuration.keepalive = Self.keepalive
    if profile.tls ?? server.tls ?? (profile.authorities != nil || identity != nil) {
      configuration.tls = ClientTLS(
        trust: profile.authorities.map { .file($0) } ?? .system, identity: identity)
    }
    channel = try Channel(target: server.target, configuration: configuration)
    auth = AuthServiceClient(channel)
    catalog = CatalogServiceClient(channel)
    devices = DeviceServiceClient(channel)
    deployments = DeploymentServiceClient(channel)
    end = timeout.map { .now + .seconds($0) }
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
      await session.channel.close(grace: .zero)
      if let failure = error as? Terminal.Failure { throw failure }
      if let complaint = Complaint(wrapping: error, server: server) { throw complaint }
      throw error
    }
    await session.channel.close(grace: .zero)
  }

  /// A new idempotency key: a repeat of the same call is not done twice.
  static func requestID() -> String {
    var generator = SystemRandomNumberGenerator()
    return String(generator.next(), radix: 16) + String(generator.next(), radix: 16)
  }

  /// Shows an answer: its JSON form, or what `table` makes of it.
  func show(_ message: some Message, table: () -> String) throws {
    switch output {
    case .json: try Terminal.shared.line(try message.json())
    case .table: try Terminal.shared.line(table())
    }
  }

  /// As above, for an answer with a secret that is told this once: when it cannot be written, that it is lost is said.
  func showSecret(
    _ message: some Message, of what: String, next: String, table: () -> String
  ) throws {
    do {
      try show(message, table: table)
    } catch let failure as Terminal.Failure {
      throw Complaint(
        "\(what) was made, and its secret is lost: the output cannot be written",
        why: [String(cString: strerror(failure.code))], next: next, status: .failed)
    }
  }

  /// As above, for a table that has to be asked for.
  func show(_ message: some Message, table: () async throws -> String) async throws {
    switch output {
    case .json: try Terminal.shared.line(try message.json())
    case .table: try Terminal.shared.line(try await table())
    }
  }
}

extension Session {
  /// For calls whose answer shows a secret: a repetition's answer comes without it, so such a call is repeated only when the
  /// server cannot have executed it.
  var once: CallOptions {
    var options = options
    options.retry?.scope = .idempotentMethods
    return options
  }
}
