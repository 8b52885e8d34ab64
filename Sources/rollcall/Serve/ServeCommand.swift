import ArgumentParser
import Glibc
import Logging
import ServiceLifecycle
import Store
import Transport
import UnixSignals

/// `rollcall serve`.
struct ServeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve", abstract: "Run the server.",
    discussion: """
      At the first start an admin key is written to admin.key in the data folder, readable by its owner only. \
      SIGTERM and SIGINT shut the server down in order: health checks say NOT_SERVING, clients are asked to go elsewhere, \
      calls in flight get --grace seconds to finish, the database is closed. The exit code is 0.
      """)

  @OptionGroup var options: ServeOptions

  func run() async throws {
    var logger = Logger(label: "rollcall") { StreamLogHandler.standardError(label: $0) }
    logger.logLevel = options.logLevel.level
    try await Self.serve(options, logger: logger) { [logger] address in
      do {
        try Terminal.shared.line("rollcall serves \(address), data in \(options.data)")
      } catch let failure as Terminal.Failure {
        // Nobody needs that line to be served.
        logger.warning(
          "standard output takes nothing",
          metadata: [
            "address": "\(address)", "error": "\(String(cString: strerror(failure.code)))",
          ])
      }
    }
  }

  /// Runs a server until a signal ends it. What keeps it from starting is told to a person.
  static func serve(
    _ options: ServeOptions, logger: Logger,
    onReady: @escaping @Sendable (ListenAddress) async throws -> Void
  ) async throws {
    // Whatever the server makes, its user alone reads.
    umask(0o077)
    do {
      let plane = try await ControlPlane(options: options, logger: logger, onReady: onReady)
      let lifecycle = ServiceGroup(
        configuration: .init(
          services: [.init(service: plane, successTerminationBehavior: .gracefullyShutdownGroup)],
          gracefulShutdownSignals: [.sigterm, .sigint], logger: logger))
      try await lifecycle.run()
    } catch let error as TLSProblem {
      throw Complaint(
        "TLS cannot be served: \(error)", next: "check --tls-cert, --tls-key and --tls-client-ca",
        status: .failed)
    } catch let error as StoreError {
      let next =
        if case .databaseMissing(_, "telemetry.db", _, _) = error {
          "put telemetry.db back; --new-telemetry forgets what devices have reported and begins anew"
        } else if case .databaseMissing = error {
          "put rollcall.db back, or name an empty folder with --data"
        } else {
          "name another one with --data"
        }
      throw Complaint(
        "the data folder \(options.data) cannot be used: \(error)", next: next, status: .failed)
    }
  }
}
