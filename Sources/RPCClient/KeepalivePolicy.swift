/// How a channel finds out that a silent connection is dead.
///
/// Source: "gRPC Keepalive". Off by default: a server may answer frequent PINGs with GOAWAY.
public struct KeepalivePolicy: Sendable, Hashable {
  /// Silence after which a PING is sent; nil: never. Less than 10 s counts as 10 s, which is what
  /// the gRPC documents allow.
  public var interval: Duration?
  /// The floor of `interval`; tests lower it.
  var shortestInterval = Duration.seconds(10)
  /// How long the answer may take before the connection is given up.
  public var timeout: Duration
  /// Whether to send PINGs also while no call is open.
  public var permitWithoutCalls: Bool

  public init(
    interval: Duration? = nil, timeout: Duration = .seconds(20), permitWithoutCalls: Bool = false
  ) {
    self.interval = interval
    self.timeout = timeout
    self.permitWithoutCalls = permitWithoutCalls
  }
}
