import Logging
import NIOCore
public import RPCCore
import StandardProtos
import Synchronization
import Transport

/// A gRPC server: services on event loops, with health and reflection.
///
/// `start` listens, `run` serves until `shutdown`. Safe from any thread.
public final class RPCServer: Sendable {
  private enum Phase {
    case new
    /// `isWanted`: nobody has asked for the end meanwhile.
    case starting(isWanted: Bool)
    case running(ServerListener)
    case stopping
    case stopped
  }

  private struct State {
    var phase = Phase.new
    var waiters: [UnsafeContinuation<Void, Never>] = []
  }

  private let configuration: ServerConfiguration
  private let core: ServerCore
  private let onLoopStart: @Sendable (ServerLoop) throws -> Void
  private let state = Mutex(State())

  /// - Parameters:
  ///   - services: what is served; health and reflection come on top.
  ///   - interceptors: asked in this order for every call.
  ///   - onLoopStart: called once on every event loop's thread before the server listens.
  /// - Throws: when two services have a method of the same path, or reflection cannot read a service's descriptor.
  public init(
    configuration: ServerConfiguration, services: [ServiceRegistration],
    interceptors: [any ServerInterceptor] = [],
    onLoopStart: @escaping @Sendable (ServerLoop) throws -> Void = { _ in }
  ) throws {
    self.configuration = configuration
    self.onLoopStart = onLoopStart
    var all = services
    let health = HealthService(services: services.map(\.service))
    all.append(health.registration)
    if configuration.reflection { all += try ReflectionIndex.services(for: all) }
    core = try ServerCore(
      methods: all.flatMap(\.methods), methodLimits: configuration.methodLimits,
      interceptors: interceptors, limits: configuration.limits,
      errorDomain: configuration.errorDomain,
      logger: configuration.logger, health: health)
  }

  /// Starts the event loops and listens. Throws when the address is taken or a TLS file does not read, and CANCELLED when the server
  /// was shut down meanwhile.
  public func start() async throws {
    try state.withLock { state in
      guard case .new = state.phase else {
        throw RPCError(.failedPrecondition, "the server was started before")
      }
      state.phase = .starting(isWanted: true)
    }
    if configuration.raisesDescriptorLimit { DescriptorLimit.raise() }
    let core = core
    let onLoopStart = onLoopStart
    let refusals = SparseLog { [logger = configuration.logger] reason, more in
      logger.warning(
        "a connection was refused", metadata: ["reason": "\(reason)", "more": "\(more)"])
    }
    let listener: ServerListener
    do {
      listener = try await ServerListener.start(
        .init(
          host: configuration.host, port: configuration.port, tls: configuration.tls,
          eventLoops: configuration.eventLoops, session: configuration.limits.session,
          limits: configuration.limits.connection, onRefusal: { refusals.note($0) }),
        onLoopStart: { try onLoopStart(ServerLoop($0, index: $1)) },
        owner: { _ in ConnectionCalls(core) })
    } catch {
      if !settle(.new) { stopped() }
      throw error
    }
    guard settle(.running(listener)) else {
      try await end(listener, grace: .zero)
      throw RPCError(.cancelled, "the server was shut down while it started")
    }
  }

  /// The start has come to this; false when the end was asked for meanwhile.
  private func settle(_ phase: Phase) -> Bool {
    state.withLock { state in
      guard case .starting(isWanted: true) = state.phase else {
        state.phase = .stopping
        return false
      }
      state.phase = phase
      return true
    }
  }

  /// The port that is listened on; 0 before `start` and after `shutdown`.
  public var port: Int {
    state.withLock { state in
      if case .running(let listener) = state.phase { return listener.port }
      return 0
    }
  }

  /// Connections that are open, and calls that are under way, streams included.
  public var load: (connections: Int, calls: Int) {
    let connections = state.withLock { state in
      if case .running(let listener) = state.phase { return listener.connectionCount }
      return 0
    }
    return (connections, core.openCalls)
  }

  /// Returns when the server has shut down.
  public func run() async {
    await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
      let isOver = state.withLock { state in
        if case .stopped = state.phase { return true }
        state.waiters.append(continuation)
        return false
      }
      if isOver { continuation.resume() }
    }
  }

  /// Stops in order: health says NOT_SERVING, nobody new is accepted, clients are asked to go, calls in flight finish. What is left after `grace` is cut off.
  ///
  /// A server that is starting does not get to serve; one that is being shut down by somebody else is waited for.
  public func shutdown(grace: Duration = .seconds(10)) async throws {
    enum Step {
      case nothing, wait
      case end(ServerListener)
    }
    let step = state.withLock { state -> Step in
      switch state.phase {
      case .new, .stopped: return .nothing
      case .stopping: return .wait
      case .starting:
        state.phase = .starting(isWanted: false)
        return .wait
      case .running(let listener):
        state.phase = .stopping
        return .end(listener)
      }
    }
    switch step {
    case .nothing: break
    case .wait: await run()
    case .end(let listener): try await end(listener, grace: grace)
    }
  }

  private func end(_ listener: ServerListener, grace: Duration) async throws {
    // Whatever fails: nobody waits for a server that is gone.
    defer { stopped() }
    core.health.drain()
    try await listener.shutdown(grace: grace)
  }

  private func stopped() {
    let waiters = state.withLock { state in
      state.phase = .stopped
      defer { state.waiters = [] }
      return state.waiters
    }
    for waiter in waiters { waiter.resume() }
  }

  /// What the health service says of a service; the empty name is the server as a whole.
  public func setServing(_ isServing: Bool, service: String = "") {
    core.health.set(isServing ? .serving : .notServing, for: service)
  }
}
