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
      state.orgs[org, default: OrgState()].connections[id] = connection
      return (id, isFirst)
    }
    if isFirst { subscribe(org, after: revision) }
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

  private func subscribe(_ org: OrgID, after revision: Int64) {
    let filter = WatchFilter(
      org: org.rawValue,
      resourceTypes: ["deployment", "rollout", "pin", "device", "device_group"])
    let subscription = hub.subscribe(
      filter, after: revision, encoding: Self.encoding, sink: Sink(self, org))
    let isUnwanted = state.withLock { state in
      guard state.orgs[org] != nil, state.orgs[org]?.subscription == nil else { return true }
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

  /// The subscription ended by itself, which a log that is compacted or unreadable may cause: start over and look at everything.
  fileprivate func restart(_ org: OrgID, _ reason: WatchEnd) {
    let connections = state.withLock { state -> [DeviceConnection] in
      state.orgs[org]?.subscription = nil
      return state.orgs[org].map { Array($0.connections.values) } ?? []
    }
    // A connection that could miss a change is worth nothing: the devices connect again.
    for connection in connections { connection.end(reason) }
  }

  private final class Sink: WatchSink {
    private let connections: DeviceConnections
    private let org: OrgID

    init(_ connections: DeviceConnections, _ org: OrgID) {
      self.connections = connections
      self.org = org
    }

    func offer(_ events: [WatchedEvent]) -> WatchOffer {
      connections.wake(org)
      return .accepted
    }

    func bookmark(_ revision: Int64) -> WatchOffer { .accepted }

    func ended(_ reason: WatchEnd) { connections.restart(org, reason) }
  }
}

/// One connected device: sends it what it should run whenever that differs from what it was sent last.
final class DeviceConnection: Sendable {
  private let fleet: Fleet
  private let device: DeviceID
  private let org: OrgID
  private let stream: DetachedResponseStream<ConnectResponse>
  private let sent = Mutex<String?>(nil)

  /// Bytes a device may leave unread before it is told nothing new until it has read.
  private static let highWater = 64 << 10

  init(
    _ fleet: Fleet, device: DeviceID, org: OrgID,
    stream: DetachedResponseStream<ConnectResponse>
  ) {
    self.fleet = fleet
    self.device = device
    self.org = org
    self.stream = stream
    stream.onWritable { [weak self] in self?.push() }
  }

  /// Computes and sends, in this order and for one caller at a time. A slow device gets the latest state once it reads again.
  func push() {
    guard stream.bufferedBytes < Self.highWater else { return }
    let failure: (any Error)? = sent.withLock { sent in
      do {
        let state = try fleet.store.read { db -> DesiredState? in
          guard let device = try Devices(db).find(device, org: org) else { return nil }
          return try fleet.desiredState(device, db)
        }
        guard let state, state.digest != sent else { return nil }
        sent = state.digest
        stream.send(ConnectResponse.with { $0.content = .desiredState(state) })
        return nil
      } catch {
        return error
      }
    }
    if failure != nil { end(.failed("the desired state could not be read")) }
  }

  func acknowledge(_ sequence: Int64) {
    stream.send(
      ConnectResponse.with {
        $0.content = .acknowledgement(.with { $0.acknowledgedSequence = sequence })
      })
  }

  /// Ends the stream; the device connects again.
  func end(_ reason: WatchEnd) {
    stream.finish(RPCError(code: .unavailable, message: "connect again: \(reason)"))
  }
}
