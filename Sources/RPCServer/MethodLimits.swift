public import RPCCore

/// What a server grants to the calls of one method, beyond what it grants to all.
public struct MethodLimits: Sendable, Hashable {
  /// The largest request message in bytes; nil: `ServerLimits.maxRequestBytes`.
  public var maxRequestBytes: Int?
  /// Streams of this method that a client may have open on one connection; nil: as many as the connection may have.
  public var maxStreamsPerConnection: Int?
  /// Without a message in either direction, before a stream is ended with DEADLINE_EXCEEDED; nil: never.
  public var idleTimeout: Duration?
  /// How often a caller may call; nil: as often as it likes.
  public var rate: RateLimit?
  /// How often a caller of a kind (`ServerContext.tier`) may call instead; nil: as often as it likes. What its address may is as for
  /// all others.
  public var tierRates: [String: RateLimit?]

  public init(
    maxRequestBytes: Int? = nil, maxStreamsPerConnection: Int? = nil,
    idleTimeout: Duration? = nil, rate: RateLimit? = nil, tierRates: [String: RateLimit?] = [:]
  ) {
    self.maxRequestBytes = maxRequestBytes
    self.maxStreamsPerConnection = maxStreamsPerConnection
    self.idleTimeout = idleTimeout
    self.rate = rate
    self.tierRates = tierRates
  }

  /// The limits of health and reflection, which answer strangers: requests of 4 KiB, 16 streams on a connection. Reflection asks
  /// and answers, so a stream of it that says nothing for 60 s ends; a health watch is silent while all is well.
  public static func standard(_ method: AnyMethodDescriptor) -> MethodLimits {
    let isReflection = method.service.hasPrefix("grpc.reflection.")
    guard isReflection || method.service.hasPrefix("grpc.health.") else { return MethodLimits() }
    return MethodLimits(
      maxRequestBytes: 4 * 1024, maxStreamsPerConnection: 16,
      idleTimeout: isReflection ? .seconds(60) : nil)
  }
}

/// How often a caller may do what methods of one class do: at once, and per minute after that.
///
/// Counted for each principal, and four times as much for each address, behind which many may stand.
public struct RateLimit: Sendable, Hashable {
  /// The class: its methods draw on the same budget. Named in refusals.
  public var name: String
  public var burst: Int
  public var perMinute: Int

  public init(name: String, burst: Int, perMinute: Int) {
    self.name = name
    self.burst = burst
    self.perMinute = perMinute
  }
}

/// A method as a server serves it: what starts a call, and what its calls may cost.
final class ServedMethod: Sendable {
  let registered: RegisteredMethod
  let maxRequestBytes: Int
  let maxStreamsPerConnection: Int?
  let idleNanoseconds: Int64?
  let rate: RateLimit?
  private let tierRates: [String: RateLimit?]
  /// Whether calls of it take a place for streams.
  let isStream: Bool

  var descriptor: AnyMethodDescriptor { registered.descriptor }

  init(_ registered: RegisteredMethod, _ own: MethodLimits, _ limits: ServerLimits) {
    self.registered = registered
    maxRequestBytes = min(own.maxRequestBytes ?? .max, limits.maxRequestBytes)
    isStream = registered.descriptor.kind != .unary
    maxStreamsPerConnection = isStream ? own.maxStreamsPerConnection : nil
    idleNanoseconds = isStream ? own.idleTimeout?.clampedNanoseconds : nil
    rate = own.rate
    tierRates = own.tierRates
  }

  /// What a caller of a kind is held to; nil: nothing.
  func rate(of tier: String) -> RateLimit? {
    if tierRates.isEmpty { return rate }
    return tierRates[tier] ?? rate
  }
}
