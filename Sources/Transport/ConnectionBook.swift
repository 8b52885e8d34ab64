import Synchronization

/// The connections of a listener: how many it takes in all, and of one network. Any thread.
///
/// Whose network holds as many as are left for all others gets no more, unless a number is set for it: nobody who opens connections
/// without end keeps others out.
final class ConnectionBook: Sendable {
  private struct State {
    var count = 0
    /// By network; none that has no connection.
    var networks: [String: Int] = [:]
  }

  private let state = Mutex(State())
  private let capacity: Int
  private let perNetwork: Int?
  private let fullReason: String

  init(_ limits: ConnectionLimits) {
    let descriptors = DescriptorLimit.current
    let affordable = DescriptorLimit.connections(of: descriptors)
    capacity = min(limits.maxConnections, affordable)
    perNetwork = limits.maxConnectionsPerNetwork
    fullReason =
      limits.maxConnections <= affordable
      ? "\(limits.maxConnections) connections are open, the server's limit"
      : "\(affordable) connections are open: the process may open \(descriptors) files, and keeps some for its own"
  }

  var count: Int { state.withLock { $0.count } }

  /// Counts a connection of `network`; the reason why it is not taken.
  func enter(_ network: String) -> String? {
    state.withLock { state in
      guard state.count < capacity else { return fullReason }
      let own = state.networks[network, default: 0]
      let limit = perNetwork ?? capacity - state.count
      guard own < limit else {
        let share = perNetwork.map { "\($0)" } ?? "as many as are left for all others"
        return
          "\(network) holds \(own) of \(state.count) open connections: of \(capacity), one address gets at most \(share)"
      }
      state.networks[network] = own + 1
      state.count += 1
      return nil
    }
  }

  /// A connection that was taken is gone.
  func leave(_ network: String) {
    state.withLock { state in
      state.count -= 1
      guard let own = state.networks[network] else { return }
      state.networks[network] = own > 1 ? own - 1 : nil
    }
  }
}
