internal import API
internal import Domain
internal import ProtoWire
internal import RPCCore
internal import Store
internal import Synchronization

/// The devices that are connected, told when what they should run may have changed.
///
/// One subscription of the event log for each org with connected devices. Events only wake: what a device should run is computed
/// from what is stored, so any number of events at once costs one computation.
final class DeviceConnections: Sendable {
  private struct OrgState {
    /// Which subscription the connections rely on.
    let id: Int
    var connections: [Int: DeviceConnection] = [:]
    var subscription: WatchSubscription?
    var isWaking = false
    var isDirty = false
  }

  private struct State {
    var orgs: [OrgID: OrgState] = [:]
    var nextID = 1
  }

  private static let encoding = WatchEncoding { _ in [] }

  private let hub: WatchHub
  private let state = Mutex(State())

  init(_ hub: WatchHub) { self.hub = hub }

  /// How many devices are connected.
  var count: Int { state.withLock { $0.orgs.values.reduce(0) { $0 + $1.connections.count } } }

  /// Tells `connection` of changes after `revision` until ``remove(_:org:)``. Returns its number.
  func add(_ connection: DeviceConnection, org: OrgID, after revision: Int64) -> Int {
    let (id, isFirst) = state.withLock { state in
      let id = state.nextID
      state.nextID += 1
      let isFirst = state.orgs[org] == nil
      state.orgs[org, default: OrgState(id: id)].connections[id] = connection
      return (id, isFirst)
    }
    if isFirst { subscribe(org, id, after: revision) }
    return id
  }

  func remove(_ id: Int, org: OrgID) {
    let subscription = state.withLock { state -> WatchSubscription? in
      state.orgs[org]?.connections[id] = nil
      guard let known = state.orgs[org], known.connections.isEmpty else { return nil }
      state.orgs[org] = nil
      return known.subscription
    }
    subscription?.cancel()
  }

  private func subscribe(_ org: OrgID, _ id: Int, after revision: Int64) {
    let filter = WatchFilter(
      org: org.rawValue,
      resourceTypes: ["deployment", "rollout", "pin", "device", "device_group"])
    let subscription = hub.subscribe(
      filter, after: revision, encoding: Self.encoding, sink: Sink(self, org, id))
    let isUnwanted = state.withLock { state in
      guard state.orgs[org]?.id == id else { return true }
      state.orgs[org]?.subscription = subscription
      return false
    }
    if isUnwanted { subscription.cancel() }
  }

  /// Something changed in an org: every connection looks again, in a Task that exists only while there is something to do.
  func wake(_ org: OrgID) {
    let mustStart = state.withLock { state in
      guard state.orgs[org] != nil else { return false }
      state.orgs[org]?.isDirty = true
      guard state.orgs[org]?.isWaking == false else { return false }
      state.orgs[org]?.isWaking = true
      return true
    }
    guard mustStart else { return }
    Task {
      while let connections = nextRound(org) {
        for connection in connections { connection.push() }
      }
    }
  }

  private func nextRound(_ org: OrgID) -> [DeviceConnection]? {
    state.withLock { state in
      guard let known = state.orgs[org], known.isDirty else {
        state.orgs[org]?.isWaking = false
        return nil
      }
      state.orgs[org]?.isDirty = false
      return Array(known.connections.values)
    }
  }

  /// Subscription `id` ended by itself: nobody who relies on it would hear of a change. The devices connect again, and the first
  /// of them subscribes anew.
  func subscriptionEnded(_ id: Int, _ org: OrgID, _ reason: WatchEnd) {
    let connections = state.withLock { state -> [DeviceConnection] in
      guard let known = state.orgs[org], known.id == id else { return [] }
      state.orgs[org] = nil
      return Array(known.connections.values)
    }
    for connection in connections { connection.end(reason) }
  }

  /// The number of the subscription that an org's connections rely on; nil when nobody is connected.
  func subscription(of org: OrgID) -> Int? { state.withLock { $0.orgs[org]?.id } }

  /// Has every connection of an org end whose caller may not go on.
  private func checkCallers(_ org: OrgID) {
    let connections = state.withLock { $0.orgs[org].map { Array($0.connections.values) } ?? [] }
    guard !connections.isEmpty else { return }
    // Not here: after a change of keys each of them reads a row.
    Task { for connection in connections { connection.checkCaller() } }
  }

  private final class Sink: WatchSink {
    private let connections: DeviceConnections
    private let org: OrgID
    private let id: Int

    init(_ connections: DeviceConnections, _ org: OrgID, _ id: Int) {
      self.connections = connections
      self.org = org
      self.id = id
    }

    func offer(_ events: [WatchedEvent]) -> WatchOffer {
      connections.wake(org)
      return .accepted
    }

    func bookmark(_ revision: Int64) -> WatchOffer {
      connections.checkCallers(org)
      return .accepted
    }

    func ended(_ reason: WatchEnd) { connections.subscriptionEnded(id, org, reason) }
  }
}
