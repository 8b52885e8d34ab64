import Framing
import HTTP2
import Logging
import ProtoWire
import RPCCore
import Synchronization

/// What all connections of a server share. Immutable but for its counters.
final class ServerCore: Sendable {
  let router: Router
  let interceptors: [any ServerInterceptor]
  let limits: ServerLimits
  let defaultUnaryNanoseconds: Int64?
  let errorDomain: String?
  let logger: Logger
  let health: HealthService
  private let running = Atomic<Int>(0)

  init(
    router: Router, interceptors: [any ServerInterceptor], limits: ServerLimits,
    errorDomain: String? = nil, logger: Logger, health: HealthService
  ) {
    self.router = router
    self.interceptors = interceptors
    self.limits = limits
    defaultUnaryNanoseconds = limits.defaultUnaryTimeout?.clampedNanoseconds
    self.errorDomain = errorDomain
    self.logger = logger
    self.health = health
  }

  /// Handlers that run now.
  var runningHandlers: Int { running.load(ordering: .relaxed) }

  /// Takes a place for a handler; throws when all are taken.
  func admit() throws(RPCError) {
    let count = running.wrappingAdd(1, ordering: .relaxed).newValue
    guard count > limits.maxRunningHandlers else { return }
    running.wrappingSubtract(1, ordering: .relaxed)
    let retry = Google_Rpc_RetryInfo.with { $0.retryDelay = .with { $0.seconds = 1 } }
    throw RPCError(
      .resourceExhausted,
      "\(limits.maxRunningHandlers) calls are running, the server's limit; retry later",
      details: [Google_Protobuf_Any(packing: retry)])
  }

  func handlerReturned() { running.wrappingSubtract(1, ordering: .relaxed) }
}

/// Header blocks that do not depend on a call.
enum ResponseHeads {
  static let gzip = FixedFields([
    (":status", "200"), ("content-type", "application/grpc"), ("grpc-encoding", "gzip"),
    ("grpc-accept-encoding", MessageEncoding.acceptedNames),
  ])
  static let methodNotAllowed = FixedFields([(":status", "405"), ("allow", "POST")])
  static let unsupportedMediaType = FixedFields([
    (":status", "415"), ("accept", "application/grpc, application/grpc+proto"),
  ])
  static let headersTooLarge = FixedFields([(":status", "431")])
  static let healthy = FixedFields([
    (":status", "200"), ("content-type", "text/plain; charset=utf-8"), ("content-length", "8"),
    ("cache-control", "no-store"),
  ])
  static let unhealthy = FixedFields([
    (":status", "503"), ("content-type", "text/plain; charset=utf-8"), ("content-length", "12"),
    ("cache-control", "no-store"),
  ])
}
