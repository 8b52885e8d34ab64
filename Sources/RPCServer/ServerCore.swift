import Framing
import HTTP2
import Logging
import RPCCore

/// What all connections of a server share. Immutable but for what `admission` counts.
final class ServerCore: Sendable {
  let router: Router
  let interceptors: [any ServerInterceptor]
  let limits: ServerLimits
  let defaultUnaryNanoseconds: Int64?
  let maxUnaryNanoseconds: Int64
  /// Over which a request's rate is averaged, and the bytes that must come in it.
  let rateSpan: Int64
  let minimumBytes: UInt64
  /// Until which a request that is one message must be complete.
  let bodySpan: Int64
  let errorDomain: String?
  let logger: Logger
  let health: HealthService
  let admission: Admission

  init(
    methods: [RegisteredMethod], methodLimits: (AnyMethodDescriptor) -> MethodLimits,
    interceptors: [any ServerInterceptor], limits: ServerLimits, errorDomain: String? = nil,
    logger: Logger, health: HealthService
  ) throws(Router.Problem) {
    router = try Router(
      methods.map { ServedMethod($0, methodLimits($0.descriptor), limits) })
    self.interceptors = interceptors
    self.limits = limits
    defaultUnaryNanoseconds = limits.defaultUnaryTimeout?.clampedNanoseconds
    maxUnaryNanoseconds = limits.maxUnaryTimeout?.clampedNanoseconds ?? .max
    rateSpan = limits.noProgressTimeout.clampedNanoseconds
    minimumBytes = UInt64(max(1, Int(rateSpan / 1_000_000_000) * limits.minimumRate))
    bodySpan = limits.bodyTimeout.clampedNanoseconds
    self.errorDomain = errorDomain
    self.logger = logger
    self.health = health
    admission = Admission(limits, errorDomain: errorDomain)
  }

  /// Calls that hold a place, streams included.
  var openCalls: Int { admission.calls.inUse + admission.streams.inUse }
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
