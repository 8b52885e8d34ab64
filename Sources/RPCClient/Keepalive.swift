/// The keepalive of one connection.
///
/// Pure: moments are nanoseconds of any monotonic clock. The shell keeps one timer: it calls `timer`
/// when the timer fires and sets it to what comes back.
struct Keepalive: Sendable {
  private enum Phase: Sendable {
    /// Waiting for silence to last, or for a call to be open.
    case watching
    /// A PING is out.
    case awaitingAnswer(since: Int64)
  }

  private let interval: Int64
  private let timeout: Int64
  private let permitWithoutCalls: Bool
  private var phase = Phase.watching
  private var lastActivity: Int64

  /// - Parameters:
  ///   - interval: nanoseconds of silence before a PING.
  ///   - now: when the connection became ready.
  init(interval: Int64, timeout: Int64, permitWithoutCalls: Bool, now: Int64) {
    self.interval = interval
    self.timeout = timeout
    self.permitWithoutCalls = permitWithoutCalls
    lastActivity = now
  }

  /// Bytes arrived: the peer lives.
  mutating func received(now: Int64) {
    lastActivity = now
    phase = .watching
  }

  /// What to do when the timer fires.
  enum OnTimer: Sendable, Hashable {
    /// Nothing yet.
    case rearm(at: Int64)
    case ping(nextTimer: Int64)
    /// The peer did not answer: close the connection.
    case close
  }

  /// The moment of the first timer.
  var firstTimer: Int64 { lastActivity + interval }

  mutating func timer(now: Int64, openCalls: Int) -> OnTimer {
    switch phase {
    case .awaitingAnswer(let since):
      let end = since + timeout
      return now >= end ? .close : .rearm(at: end)
    case .watching:
      let due = lastActivity + interval
      if now < due { return .rearm(at: due) }
      guard openCalls > 0 || permitWithoutCalls else { return .rearm(at: now + interval) }
      phase = .awaitingAnswer(since: now)
      return .ping(nextTimer: now + timeout)
    }
  }
}

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
