import ArgumentParser
import Logging
import RPCCore
import RPCServer

/// How a server runs.
struct ServeOptions: ParsableArguments {
  @Option(help: "Address to listen on; port 0 takes any free one.")
  var listen = ListenAddress.standard

  @Option(
    help: "Folder of the database and the artifacts; created when missing.", completion: .directory)
  var data = "./data"

  @Option(
    help: "PEM file with the certificate and its chain: serve TLS too, on the same port.",
    completion: .file())
  var tlsCert: String?

  @Option(help: "PEM file with the certificate's key.", completion: .file())
  var tlsKey: String?

  @Option(
    name: .customLong("tls-client-ca"),
    help: "PEM file of authorities: every client must show a certificate one of them signed.",
    completion: .file())
  var tlsClientCA: String?

  @Flag(help: "Refuse clients that speak without TLS; --tls-client-ca implies it.")
  var tlsOnly = false

  @Option(help: "Event loops, a thread each; 0: one for each core that the process may use.")
  var loops = 0

  @Flag(
    help: ArgumentHelp(
      "Refuse keys of role device, which a whole fleet shares: every device calls with the key that Register gave it."
    ))
  var noSharedDeviceKeys = false

  @Option(help: "trace, debug, info, notice, warning, error or critical.")
  var logLevel: LogLevelArgument = .init(level: .info)

  @Option(help: "Seconds that calls in flight get to finish when the server is asked to stop.")
  var grace = 10

  @Option(help: "Milliseconds between two looks of the automator at the rollouts.")
  var tick = 1_000

  @Option(
    help: ArgumentHelp(
      "How long events are kept, for instance 90d; without it, for ever. Watches cannot resume from before, and the audit begins there.",
      valueName: "span"))
  var eventRetention: RetentionArgument?

  @Flag(
    help:
      "Start although telemetry.db was lost: what devices have reported is forgotten, and gates count anew."
  )
  var newTelemetry = false

  @OptionGroup(title: "Limits") var limits: LimitOptions

  func validate() throws {
    guard !data.isEmpty else { throw ValidationError("--data names no folder") }
    guard (tlsCert == nil) == (tlsKey == nil) else {
      throw ValidationError("--tls-cert and --tls-key belong together")
    }
    guard tlsClientCA == nil || tlsCert != nil else {
      throw ValidationError("--tls-client-ca needs --tls-cert and --tls-key")
    }
    guard !tlsOnly || tlsCert != nil else {
      throw ValidationError("--tls-only needs --tls-cert and --tls-key")
    }
    guard (0...256).contains(loops) else {
      throw ValidationError("--loops \(loops) is not between 0 and 256")
    }
    guard (0...3_600).contains(grace) else {
      throw ValidationError("--grace \(grace) is not between 0 and 3600 seconds")
    }
    guard (10...3_600_000).contains(tick) else {
      throw ValidationError("--tick \(tick) is not between 10 and 3600000 milliseconds")
    }
  }

  /// Whether clients may speak without TLS.
  var takesPlainText: Bool { tlsCert == nil || !(tlsOnly || tlsClientCA != nil) }

  var tls: ServerTLS? {
    guard let tlsCert, let tlsKey else { return nil }
    return ServerTLS(
      certificateFile: tlsCert, privateKeyFile: tlsKey, clientAuthorityFile: tlsClientCA,
      acceptsPlaintext: tlsOnly ? false : nil)
  }
}

/// How long something is kept: "90d", "12h", "30m", "45s".
struct RetentionArgument: ExpressibleByArgument, Equatable, Sendable {
  let milliseconds: Int64

  /// Nil for what is no span, and for none at all.
  init?(argument: String) {
    guard let milliseconds = SpanText.milliseconds(argument), milliseconds > 0 else { return nil }
    self.milliseconds = milliseconds
  }
}

/// A log level by its name.
struct LogLevelArgument: ExpressibleByArgument, Equatable, Sendable {
  let level: Logger.Level

  init(level: Logger.Level) { self.level = level }

  init?(argument: String) {
    guard let level = Logger.Level(rawValue: argument) else { return nil }
    self.level = level
  }

  static let allValueStrings = Logger.Level.allCases.map(\.rawValue)
  var defaultValueDescription: String { level.rawValue }
}
