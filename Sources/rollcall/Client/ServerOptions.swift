import API
import ArgumentParser
import Foundation
import RPCClient
import RPCCore

/// Which server to call, as whom, and how to show the answer. Every client command takes them.
struct ServerOptions: ParsableArguments {
  enum Output: String, ExpressibleByArgument, CaseIterable, Sendable {
    case table, json
  }

  @Option(help: "Server, host:port. [$ROLLCALL_SERVER, `rollcall login`, 127.0.0.1:7070]")
  var server: String?

  @Option(
    help:
      "API key. Visible to other users of this machine: prefer $ROLLCALL_KEY or `rollcall login`.")
  var key: String?

  @Flag(inversion: .prefixedNo, help: "Call with TLS. [$ROLLCALL_TLS]")
  var tls: Bool?

  @Option(
    name: .customLong("tls-ca"), help: "PEM file of the authorities to trust. [$ROLLCALL_TLS_CA]")
  var authorities: String?

  @Option(
    name: .customLong("tls-cert"),
    help: "PEM file of a certificate to show to the server. [$ROLLCALL_TLS_CERT]")
  var certificate: String?

  @Option(
    name: .customLong("tls-key"), help: "PEM file of that certificate's key. [$ROLLCALL_TLS_KEY]")
  var certificateKey: String?

  @Option(
    help: ArgumentHelp(
      "Seconds for the command, whatever it does, or a span such as 90s or 5m. Without it each call has 30; watches and transfers last while the server is there.",
      valueName: "span"),
    transform: ServerOptions.seconds)
  var timeout: Int?

  @Option(name: .shortAndLong, help: "How to show the answer: table or json.")
  var output: Output = .table

  /// Whole seconds of a span that a person wrote, a part of one counts as one: "3" → 3, "1500ms" → 2, "2m" → 120.
  static func seconds(_ text: String) throws(ValidationError) -> Int {
    guard let milliseconds = SpanText.milliseconds(text) else {
      throw ValidationError("\"\(text)\" is no span such as 30, 90s or 5m")
    }
    guard (1...86_400_000).contains(milliseconds) else {
      throw ValidationError("\(text) is not between 1 and 86400 seconds")
    }
    return Int((milliseconds + 999) / 1_000)
  }

  /// The profile after flags, environment and file.
  func profile() throws -> ClientProfile {
    let environment = ProcessInfo.processInfo.environment
    return try ClientProfile.read(ClientProfile.path(environment: environment)).overridden(
      by: flags, environment: environment)
  }

  /// What the flags say.
  var flags: ClientProfile {
    ClientProfile(
      server: server, key: key, tls: tls, authorities: authorities, certificate: certificate,
      certificateKey: certificateKey)
  }
}
