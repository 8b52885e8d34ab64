import API
import Automator
import Domain
import Glibc
import Logging
import NIOCore
import RPCServer
import ServiceLifecycle
import Services
import Store
import Transport

/// The server, put together: store, artifact files, services, automator, listener.
///
/// As a service of a lifecycle it starts listening, and on a graceful shutdown ends in order: watches end, health says NOT_SERVING
/// and clients are asked to go, calls in flight finish, the automator stops, the database closes.
final class ControlPlane: Service {
  let options: ServeOptions
  let store: Store
  private let artifacts: ArtifactFiles
  private let server: RPCServer
  private let jobs: Jobs
  private let logger: Logger
  private let onReady: @Sendable (ListenAddress) async throws -> Void

  /// Opens the data folder; at the first start an admin key is written into it.
  ///
  /// `onReady` is called once the server listens, with the address it has.
  init(
    options: ServeOptions, logger: Logger,
    onReady: @escaping @Sendable (ListenAddress) async throws -> Void
  ) async throws {
    self.options = options
    self.logger = logger
    self.onReady = onReady
    var configuration = StoreConfiguration()
    configuration.eventRetentionMilliseconds = options.eventRetention?.milliseconds
    configuration.mayHaveNewTelemetry = options.newTelemetry
    configuration.onHousekeeping = { work, failure in
      guard let failure else {
        logger.notice("housekeeping works again", metadata: ["work": "\(work)"])
        return
      }
      switch work {
      case .flushAndSweep:
        logger.error(
          "what devices report cannot be written down, or what expired not be removed",
          metadata: ["error": "\(failure)"])
      case .checkpoint:
        logger.error(
          "the database's log cannot be copied back and grows", metadata: ["error": "\(failure)"])
      }
    }
    configuration.onClockSet = { milliseconds in
      logger.warning(
        "the machine's clock was set, or the machine slept: soaks go on from where they were",
        metadata: ["by": "\(milliseconds) ms"])
    }
    configuration.onDamage = { what in
      logger.error("a report could not be read or written", metadata: ["row": "\(what)"])
    }
    store = try Store.open(options.data, configuration)
    do {
      try await Bootstrap.run(store: store, logger: logger)
      let artifacts = try ArtifactFiles(data: options.data)
      self.artifacts = artifacts
      try Self.audit(options.data, store, logger)
      let authentication = Authentication(
        store: store, failedKeys: options.limits.failedKeys, logger: logger)
      let rules = CallRules(store: store, logger: logger, authentication: authentication)
      let fleet = FleetState(store)
      jobs = Jobs(
        [
          Automator(store: store, logger: logger, period: .milliseconds(options.tick)),
          TelemetrySweep(store: store), InstallationSweep(store: store),
        ], logger: logger)
      var configuration = ServerConfiguration()
      configuration.host = options.listen.host
      configuration.port = options.listen.port
      configuration.tls = options.tls
      configuration.eventLoops = options.loops > 0 ? options.loops : Processors.usable
      configuration.limits = options.limits.server
      configuration.methodLimits = options.limits.methods
      configuration.reflection = !options.limits.noReflection
      configuration.errorDomain = ErrorDomain.name
      configuration.logger = logger
      let services = [
        AuthService(rules: rules, authentication: authentication).registration,
        CatalogService(rules: rules, files: artifacts).registration,
        DeviceService(
          rules: rules, fleet: fleet, files: artifacts,
          sharedKeys: options.noSharedDeviceKeys ? .refused : .accepted
        ).registration,
        DeploymentService(rules: rules, fleet: fleet).registration,
      ]
      server = try RPCServer(
        configuration: configuration,
        services: services,
        interceptors: [try Authorization(services, authentication: authentication)],
        onLoopStart: { [store] loop in
          try store.attachLoopReader(atEndOfTurn: { loop.atEndOfTurn($0) })
        })
    } catch {
      store.abandon(Self.firstFiles)
      throw error
    }
  }

  /// What a first start puts beside the database.
  private static let firstFiles = [Bootstrap.keyFile, "artifacts/incoming", "artifacts"]

  /// Artifacts that the database does not know may be an older database's newest: they are told of and kept. Those that it misses
  /// are told of before a device asks for them.
  private static func audit(_ data: String, _ store: Store, _ logger: Logger) throws {
    let audit = try store.read { try ArtifactAudit(data: data, $0) }
    if let first = audit.strays.first {
      logger.warning(
        "no version refers to some artifacts: is this database older than they are? they are kept",
        metadata: ["count": "\(audit.strays.count)", "first": "\(first.hex)"])
    }
    if let first = audit.missing.first {
      logger.error(
        "versions refer to artifacts that are not there: upload the same bytes to them again",
        metadata: ["count": "\(audit.missing.count)", "first": "\(first.hex)"])
    }
  }

  /// Where the first admin's key was written.
  static func keyFile(data: String) -> String { data + "/" + Bootstrap.keyFile }

  /// Serves until the lifecycle shuts down gracefully or the task is cancelled.
  func run() async throws {
    do {
      try await server.start()
    } catch {
      artifacts.close()
      store.abandon(Self.firstFiles)
      if error is TLSProblem { throw error }
      throw Complaint(
        "cannot listen on \(options.listen): \(Self.reason(error))",
        next: "choose another address with --listen",
        status: .failed)
    }
    let address = ListenAddress(host: options.listen.host, port: server.port)
    logger.info("listening", metadata: ["address": "\(address)"])
    if options.takesPlainText, !address.isLoopback {
      logger.warning(
        "clients without TLS are served on an address that others reach: their keys can be read on the way",
        metadata: ["address": "\(address)", "remedy": "--tls-cert, --tls-key and --tls-only"])
    }
    let ticking = Task { [jobs] in
      await jobs.run { Timestamp(milliseconds: StoreClock.nowMilliseconds()) }
    }
    var failure: (any Error)?
    do {
      try await cancelWhenGracefulShutdown { [onReady] in try await onReady(address) }
      // Returns when a graceful shutdown begins, throws when the task is cancelled: both end here in order.
      try await gracefulShutdown()
    } catch is CancellationError {
      logger.debug("cancelled")
    } catch {
      failure = error
    }
    logger.info("shutting down", metadata: ["grace": "\(options.grace) s"])
    // Streams without an end would hold the drain up for all of the grace; ended here, their clients learn why.
    store.endWatches()
    do {
      try await server.shutdown(grace: .seconds(options.grace))
    } catch {
      failure = failure ?? error
    }
    ticking.cancel()
    await ticking.value
    close()
    logger.info("shut down")
    if let failure { throw failure }
  }

  /// "Address already in use" instead of which system call said so.
  private static func reason(_ error: any Error) -> String {
    guard let failure = error as? IOError else { return "\(error)" }
    return String(cString: strerror(failure.errnoCode))
  }

  private func close() {
    artifacts.close()
    store.close()
  }
}
