import Transport

/// Decides when a channel connects, to which address, and what becomes of waiting calls.
///
/// Pure: events go in, actions come out; time and chance are parameters. Addresses are tried in
/// order and the first that answers is used ("pick first"). Events of an attempt or a connection
/// that is no longer the current one are ignored by their number.
struct ChannelState: Sendable {
  private enum Phase: Sendable {
    case idle
    case connecting(attempt: Int, address: Int, failures: [CloseReason])
    case ready(connection: Int)
    case transientFailure(wait: Int, reason: CloseReason)
    case shutdown
  }

  private var phase = Phase.idle
  private var backoff: ConnectionBackoff
  private let addressCount: Int
  /// Numbers attempts, connections and waits, so that a late event is recognised.
  private var serial = 0

  init(addressCount: Int, backoff: BackoffPolicy) {
    self.addressCount = addressCount
    self.backoff = ConnectionBackoff(policy: backoff)
  }

  var connectivity: ConnectivityState {
    switch phase {
    case .idle: .idle
    case .connecting: .connecting
    case .ready: .ready
    case .transientFailure: .transientFailure
    case .shutdown: .shutdown
    }
  }

  /// What to do with a new call.
  enum OnCall: Sendable, Hashable {
    /// Start it on the current connection.
    case start
    /// Keep it until there is a connection.
    case wait
    /// Keep it, and connect.
    case connect(attempt: Int, address: Int)
    /// Fail it with UNAVAILABLE.
    case fail(reason: CloseReason)
    /// Fail it with UNAVAILABLE: the channel is closed.
    case refuse
  }

  /// Somebody starts a call.
  mutating func call(waitForReady: Bool) -> OnCall {
    switch phase {
    case .idle:
      let attempt = connect(to: 0, failures: [])
      return .connect(attempt: attempt, address: 0)
    case .connecting: return .wait
    case .ready: return .start
    case .transientFailure(_, let reason): return waitForReady ? .wait : .fail(reason: reason)
    case .shutdown: return .refuse
    }
  }

  /// What to do after an attempt.
  enum OnAttempt: Sendable, Hashable {
    /// Start the waiting calls on it.
    case use(connection: Int)
    /// Close it, the channel does not need it any more.
    case discard
  }

  /// An attempt reached a server whose SETTINGS have arrived.
  mutating func connected(attempt: Int) -> OnAttempt {
    guard case .connecting(attempt, _, _) = phase else { return .discard }
    phase = .ready(connection: attempt)
    return .use(connection: attempt)
  }

  /// What to do when there is no connection any more, or not yet.
  enum OnFailure: Sendable, Hashable {
    case ignore
    case connect(attempt: Int, address: Int)
    /// Fail the calls that do not wait for a connection, then wait.
    case backOff(wait: Int, delay: Duration, reason: CloseReason)
  }

  /// An attempt failed.
  /// - Parameter random: from 0 to 1, for the jitter.
  mutating func failed(attempt: Int, reason: CloseReason, random: Double) -> OnFailure {
    guard case .connecting(attempt, let address, var failures) = phase else { return .ignore }
    failures.append(reason)
    if address + 1 < addressCount {
      let next = connect(to: address + 1, failures: failures)
      return .connect(attempt: next, address: address + 1)
    }
    // What can be helped about one of several addresses helps the call.
    let all = CloseReason(
      failures.map(\.text).joined(separator: "; "), failures.lazy.compactMap(\.kind).first)
    return backOff(all, random)
  }

  /// The wait after a failure is over.
  mutating func waited(wait: Int, callsWaiting: Bool) -> OnFailure {
    guard case .transientFailure(wait, _) = phase else { return .ignore }
    return vacate(callsWaiting: callsWaiting)
  }

  /// The current connection is lost or takes no more calls (GOAWAY).
  ///
  /// - Parameters:
  ///   - wasUseful: whether it answered a call, or lived longer than the first wait. A server that
  ///     accepts connections only to end them is treated like one that refuses them: otherwise a
  ///     channel with waiting calls would connect in a circle.
  ///   - random: from 0 to 1, for the jitter.
  mutating func lost(
    connection: Int, wasUseful: Bool, reason: CloseReason, callsWaiting: Bool, random: Double
  ) -> OnFailure {
    guard case .ready(connection) = phase else { return .ignore }
    guard wasUseful else { return backOff(reason, random) }
    backoff.reset()
    return vacate(callsWaiting: callsWaiting)
  }

  /// The channel is closed for good.
  /// - Returns: whether it was open.
  mutating func close() -> Bool {
    if case .shutdown = phase { return false }
    phase = .shutdown
    return true
  }

  private mutating func backOff(_ reason: CloseReason, _ random: Double) -> OnFailure {
    serial += 1
    phase = .transientFailure(wait: serial, reason: reason)
    return .backOff(wait: serial, delay: backoff.next(random: random), reason: reason)
  }

  private mutating func vacate(callsWaiting: Bool) -> OnFailure {
    guard callsWaiting else {
      phase = .idle
      return .ignore
    }
    let attempt = connect(to: 0, failures: [])
    return .connect(attempt: attempt, address: 0)
  }

  private mutating func connect(to address: Int, failures: [CloseReason]) -> Int {
    serial += 1
    phase = .connecting(attempt: serial, address: address, failures: failures)
    return serial
  }
}

/// What a channel is doing about its connection.
///
/// Source: "gRPC Connectivity Semantics and API".
public enum ConnectivityState: UInt8, Sendable, Hashable, CaseIterable {
  /// No connection, and nobody asks for one.
  case idle
  /// Trying the addresses, one after the other.
  case connecting
  /// Connected; the server's SETTINGS have arrived.
  case ready
  /// No address answered; waiting before the next attempt. Calls that do not wait fail.
  case transientFailure
  /// Closed for good.
  case shutdown
}
