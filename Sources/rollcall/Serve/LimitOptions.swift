import API
import ArgumentParser
import RPCCore
import RPCServer
import Services

/// What a server grants to its clients. A caller is a principal, or the address of who has not said who it is; what one overdraws is
/// refused to that one with RESOURCE_EXHAUSTED, and beside its own limit it may hold at most as much as is left for all others.
struct LimitOptions: ParsableArguments {
  @Option(
    help:
      "Open connections; more are closed as they are accepted, as are those for which the process may open no file."
  )
  var maxConnections = ServerLimits().maxConnections

  @Option(
    help:
      "Open connections of one address, of IPv6 a network of 64 bits; set it behind a proxy. (default: as many as are left for all others)"
  )
  var maxConnectionsPerAddress: Int?

  @Option(help: "Streams that a client may have open on one connection; gateways need more.")
  var maxStreams = ServerLimits().maxConcurrentStreams

  @Option(help: "Unary calls under way on the whole server.")
  var maxCalls = ServerLimits().maxCalls

  @Option(help: "Unary calls under way of one caller.")
  var maxCallsPerCaller = ServerLimits().maxCallsPerCaller

  @Option(help: "Streams open on the whole server: watches, connected devices, transfers.")
  var maxOpenStreams = ServerLimits().maxOpenStreams

  @Option(help: "Streams open of one caller.")
  var maxOpenStreamsPerCaller = ServerLimits().maxOpenStreamsPerCaller

  @Option(help: "Bytes of a request message.")
  var maxRequestBytes = ServerLimits().maxRequestBytes

  @Option(help: "Bytes of requests that wait or whose call is under way, on the whole server.")
  var maxRequestBuffer = ServerLimits().maxRequestBufferBytes

  @Option(help: "Bytes of requests that wait or whose call is under way, of one caller.")
  var maxRequestBufferPerCaller = ServerLimits().maxRequestBufferBytesPerCaller

  @Option(
    help: "Bytes of large responses that wait for their clients; beyond, none more are made.")
  var maxResponseBuffer = ServerLimits().maxResponseBufferBytes

  @Option(
    help: "Bytes of large responses that wait on one connection; beyond, none more are made on it.")
  var maxResponseBufferPerConnection = ServerLimits().maxResponseBufferBytesPerConnection

  @Option(help: "Seconds a unary call may take, whatever deadline its client asks for.")
  var maxDeadline = 600

  @Option(help: "Seconds in which a request of one message must be complete.")
  var bodyTimeout = 30

  @Option(
    help:
      "Bytes a second, averaged over 30 s, that a client must send while it owes a message and take while a response waits; slower streams are ended."
  )
  var minRate = ServerLimits().minimumRate

  @Option(
    help:
      "Changes of deployments and rollouts a minute, of one principal; four times as many from one address."
  )
  var transitionRate = 600

  @Option(help: "Changes of deployments and rollouts at once, beyond --transition-rate.")
  var transitionBurst = 300

  @Option(
    help:
      "Registrations and new keys a minute, of one key that devices share; four times as many from one address. Operators are not held to it."
  )
  var enrollmentRate = 1_200

  @Option(help: "Registrations and new keys at once, beyond --enrollment-rate.")
  var enrollmentBurst = 2_000

  @Option(
    help: "Registrations of itself and new keys a minute, of one device or of who only reads.")
  var ownKeyRate = 4

  @Option(help: "Registrations of itself and new keys at once, beyond --own-key-rate.")
  var ownKeyBurst = 20

  @Option(
    help:
      "Keys a second that one address may try without any being accepted; accepted ones always pass."
  )
  var failedKeyRate = FailedKeyLimit().perSecond

  @Option(help: "Keys at once, beyond --failed-key-rate.")
  var failedKeyBurst = FailedKeyLimit().burst

  @Flag(help: "Do not serve grpc.reflection, which answers strangers.")
  var noReflection = false

  func validate() throws {
    for (name, value, bound) in [
      ("--max-connections", maxConnections, 1_000_000),
      ("--max-connections-per-address", maxConnectionsPerAddress ?? 1, 1_000_000),
      ("--max-streams", maxStreams, 1_000_000),
      ("--max-calls", maxCalls, 10_000_000),
      ("--max-calls-per-caller", maxCallsPerCaller, 10_000_000),
      ("--max-open-streams", maxOpenStreams, 10_000_000),
      ("--max-open-streams-per-caller", maxOpenStreamsPerCaller, 10_000_000),
      ("--max-request-bytes", maxRequestBytes, 1 << 30),
      ("--max-request-buffer", maxRequestBuffer, 1 << 40),
      ("--max-request-buffer-per-caller", maxRequestBufferPerCaller, 1 << 40),
      ("--max-response-buffer", maxResponseBuffer, 1 << 40),
      ("--max-response-buffer-per-connection", maxResponseBufferPerConnection, 1 << 40),
      ("--max-deadline", maxDeadline, 86_400), ("--body-timeout", bodyTimeout, 3_600),
      ("--min-rate", minRate, 1 << 30), ("--transition-rate", transitionRate, 1_000_000_000),
      ("--transition-burst", transitionBurst, 1_000_000_000),
      ("--enrollment-rate", enrollmentRate, 1_000_000_000),
      ("--enrollment-burst", enrollmentBurst, 1_000_000_000),
      ("--own-key-rate", ownKeyRate, 1_000_000_000),
      ("--own-key-burst", ownKeyBurst, 1_000_000_000),
      ("--failed-key-rate", failedKeyRate, 1_000_000),
      ("--failed-key-burst", failedKeyBurst, 1_000_000),
    ] where !(1...bound).contains(value) {
      throw ValidationError("\(name) \(value) is not between 1 and \(bound)")
    }
    for (name, whole, part) in [
      ("--max-request-buffer", maxRequestBuffer, maxRequestBytes),
      ("--max-request-buffer-per-caller", maxRequestBufferPerCaller, maxRequestBytes),
    ] where whole / 2 < part {
      throw ValidationError("\(name) \(whole) holds not two requests of \(part) bytes")
    }
  }

  var server: ServerLimits {
    var limits = ServerLimits()
    limits.maxConnections = maxConnections
    limits.maxConnectionsPerNetwork = maxConnectionsPerAddress
    limits.maxConcurrentStreams = maxStreams
    limits.maxCalls = maxCalls
    limits.maxCallsPerCaller = maxCallsPerCaller
    limits.maxOpenStreams = maxOpenStreams
    limits.maxOpenStreamsPerCaller = maxOpenStreamsPerCaller
    limits.maxRequestBytes = maxRequestBytes
    limits.maxRequestBufferBytes = maxRequestBuffer
    limits.maxRequestBufferBytesPerCaller = maxRequestBufferPerCaller
    limits.maxResponseBufferBytes = maxResponseBuffer
    limits.maxResponseBufferBytesPerConnection = maxResponseBufferPerConnection
    limits.maxUnaryTimeout = .seconds(maxDeadline)
    limits.bodyTimeout = .seconds(bodyTimeout)
    limits.minimumRate = minRate
    return limits
  }

  var failedKeys: FailedKeyLimit {
    FailedKeyLimit(burst: failedKeyBurst, perSecond: failedKeyRate)
  }

  /// What one method's calls may cost, as its schema says: see ``CallPolicy``.
  var methods: @Sendable (AnyMethodDescriptor) -> MethodLimits {
    let transitions = RateLimit(
      name: "transition", burst: transitionBurst, perMinute: transitionRate)
    let enrollment = RateLimit(
      name: "enrollment", burst: enrollmentBurst, perMinute: enrollmentRate)
    let ownKey = RateLimit(name: "enrollment", burst: ownKeyBurst, perMinute: ownKeyRate)
    return { method in
      var limits = MethodLimits.standard(method)
      guard let policy = CallPolicy(method) else { return limits }
      limits.maxRequestBytes = policy.maximumRequestBytes
      switch policy.rateClass {
      case .transition: limits.rate = transitions
      case .enrollment:
        limits.rate = enrollment
        limits.tierRates = [
          Caller.Tier.individual.rawValue: ownKey, Caller.Tier.operator.rawValue: nil,
        ]
      case .unspecified, .unrecognized: limits.rate = nil
      }
      return limits
    }
  }
}
