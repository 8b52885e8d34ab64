internal import API
internal import Domain
internal import ProtoWire
internal import RPCCore
internal import Store
internal import Synchronization

/// The devices that are connected, told when what they should run may have changed.
///
/// One subscription of the event log for each org with connected devices. Events only wake, and only whom they concern (``WakeUp``): what
/// a device should run is computed from what is stored, so any number of events at once costs one computation. Computing is done by one
/// Task beside the event loops, whatever the number of orgs and devices, that lets others in between: ten thousand devices that connect
/// at once delay each other and no call.
final class DeviceConnections: Sendable {
  private struct OrgState {
    /// Which subscription the connections rely on.
    let id: Int
    /// The newest of each device.
    var connections: [DeviceID: DeviceConnection] = [:]
    var subscription: WatchSubscription?
    /// What was withdrawn of deployments when all were last told of it.
    var withdrawn: [DeploymentID: [VersionID]] = [:]
  }

  /// What there is to do for connections.
  private enum Errand: Sendable {
    case events(OrgID, Set<WakeUp>)
    case push(DeviceConnection)
    case greet(DeviceConnection, UnsafeContinuation<Void, Never>)
    case check(OrgID)
  }

  private struct State {
    var orgs: [OrgID: OrgState] = [:]
    var nextID = 1
    /// In order; events that came and were not looked at are kept once.
    var errands: [Errand] = []
    /// How many of them have been taken.
    var taken = 0
    var isRunning = false
    var events: [OrgID: Set<WakeUp>] = [:]
    /// Orgs whose callers wait to be checked.
    var checks: Set<OrgID> = []
    /// Connections that wait to be looked at.
    var waiting: Set<ObjectIdentifier> = []
  }

  /// Errands between two points at which others may run.
  private static let turn = 32
  /// Kinds of changes kept apart for an org; beyond it all of its devices look again.
  private static let maximumEvents = 1_000

  private let hub: WatchHub
  private let store: Store
  private let indexes: DeploymentIndexes
  private let state = Mutex(State())

  init(_ store: Store, _ indexes: DeploymentIndexes) {
    hub = store.watch
    self.store = store
    self.indexes = indexes
  }

  /// How many devices are connected.
  var count: Int { state.withLock { $0.orgs.values.reduce(0) { $0 + $1.connections.count } } }

  /// The connections of an org.
  func all(of org: OrgID) -> [DeviceConnection] {
    state.withLock { $0.orgs[org].map { Array($0.connections.values) } ?? [] }
  }

  /// Tells `connection` of changes from now on, until ``remove(_:org:)``. Another one that the device had ends: a device whose
  /// connection broke without the server's noticing gets in at once, and none holds more than one.
  func add(_ connection: DeviceConnection, org: OrgID) {
    let (first, replaced) = state.withLock { state -> (Int?, DeviceConnection?) in
      var first: Int?
      if state.orgs[org] == nil {
        first = state.nextID
        state.orgs[org] = OrgState(id: state.nextID)
        state.nextID += 1
      }
      let replaced = state.orgs[org]?.connections.updateValue(
        connection, forKey: connection.device)
      return (first, replaced)
    }
    replaced?.giveWay()
    guard let first else { return }
    do {
      // Before anything is computed: what changes afterwards is told of.
      subscribe(org, first, after: try store.read { try $0.revision() })
    } catch StoreError.closed {
      subscriptionEnded(first, org, .closed)
    } catch {
      subscriptionEnded(first, org, .failed("\(error)"))
    }
  }

  /// Tells a connection nothing more; does nothing for one that another of its device has replaced.
  func remove(_ connection: DeviceConnection, org: OrgID) {
    let subscription = state.withLock { state -> WatchSubscription? in
      guard state.orgs[org]?.connections[connection.device] === connection else { return nil }
      state.orgs[org]?.connections[connection.device] = nil
      guard let known = state.orgs[org], known.connections.isEmpty else { return nil }
      state.orgs[org] = nil
      return known.subscription
    }
    subscription?.cancel()
  }

  private func subscribe(_ org: OrgID, _ id: Int, after revision: Int64) {
    let filter = WatchFilter(org: org.rawValue, resourceTypes: WakeUp.resourceTypes)
    let subscription = hub.subscribe(
      filter, after: revision, encoding: WakeUp.encoding, sink: Sink(self, org, id))
    let isUnwanted = state.withLock { state in
      guard state.orgs[org]?.id == id else { return true }
      state.orgs[org]?.subscription = subscription
      return false
    }
    if isUnwanted { subscription.cancel() }
  }

  /// Has a new connection send what its device should run, and returns when that is done.
  func greet(_ connection: DeviceConnection) async {
    await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
      let mustStart = state.withLock { state in
        state.errands.append(.greet(connection, continuation))
        return Self.start(&state)
      }
      if mustStart { run() }
    }
  }

  /// Has a connection look again.
  func wake(_ connection: DeviceConnection) {
    let mustStart = state.withLock { state in
      Self.enqueue([connection], &state)
      return Self.start(&state)
    }
    if mustStart { run() }
  }

  /// Every connection of an org looks again.
  func wake(_ org: OrgID) {
    let mustStart = state.withLock { state in
      Self.enqueue(state.orgs[org].map { Array($0.connections.values) } ?? [], &state)
      return Self.start(&state)
    }
    if mustStart { run() }
  }

  /// Whom these events concern looks again.
  fileprivate func wake(_ org: OrgID, _ events: some Sequence<WakeUp>) {
    let mustStart = state.withLock { state in
      guard state.orgs[org] != nil else { return false }
      if state.events[org] == nil { state.errands.append(.events(org, [])) }
      state.events[org, default: []].formUnion(events)
      return Self.start(&state)
    }
    if mustStart { run() }
  }

  private static func enqueue(_ connections: [DeviceConnection], _ state: inout State) {
    for connection in connections
    where state.waiting.insert(ObjectIdentifier(connection)).inserted {
      state.errands.append(.push(connection))
    }
  }

  private static func start(_ state: inout State) -> Bool {
    guard !state.isRunning, !state.errands.isEmpty else { return false }
    state.isRunning = true
    return true
  }

  private func run() {
    Task {
      while let errands = next() {
        for errand in errands { carryOut(errand) }
        await Task.yield()
      }
    }
  }

  private func next() -> [Errand]? {
    state.withLock { state in
      let errands = Array(state.errands[state.taken...].prefix(Self.turn))
      guard !errands.isEmpty else {
        state.isRunning = false
        state.errands.removeAll()
        state.taken = 0
        return nil
      }
      state.taken += errands.count
      if state.taken > 4_096, state.taken * 2 > state.errands.count {
        state.errands.removeFirst(state.taken)
        state.taken = 0
      }
      return errands.map { errand in
        switch errand {
        case .events(let org, _): return .events(org, state.events.removeValue(forKey: org) ?? [])
        case .push(let connection):
          // Whatever happens from here on makes it look once more.
          state.waiting.remove(ObjectIdentifier(connection))
          return errand
        case .greet: return errand
        case .check(let org):
          state.checks.remove(org)
          return errand
        }
      }
    }
  }

  private func carryOut(_ errand: Errand) {
    switch errand {
    case .push(let connection): connection.push()
    case .greet(let connection, let waiting):
      connection.push()
      waiting.resume()
    case .check(let org): for connection in all(of: org) { connection.checkCaller() }
    case .events(let org, let events):
      let concerned = concerned(by: events, org)
      state.withLock { Self.enqueue(concerned, &$0) }
    }
  }

  /// The connections that events concern. What cannot be found out concerns everybody: they meet the error where it can be told.
  func concerned(by events: Set<WakeUp>, _ org: OrgID) -> [DeviceConnection] {
    guard let known = state.withLock({ $0.orgs[org] }) else { return [] }
    guard events.count <= Self.maximumEvents else { return Array(known.connections.values) }
    do {
      return try store.read { db in
        let index = try indexes.index(org: org, db)
        var found: [DeviceConnection] = []
        for event in events {
          switch event {
          case .device(let device):
            if let connection = known.connections[device] { found.append(connection) }
          case .deployment(let deployment):
            let entry = index.entry(deployment)
            let withdrawn = entry?.deployment.withdrawnVersions ?? []
            // What was withdrawn is taken back from whoever runs it, targeted or not. Who comes to run it later is told in the answer.
            if withdrawn.contains(where: { !known.withdrawn[deployment, default: []].contains($0) })
            {
              found += known.connections.values
            } else {
              found += known.connections.values.filter { $0.isConcerned(by: deployment, entry) }
            }
            if withdrawn != known.withdrawn[deployment, default: []] {
              state.withLock {
                $0.orgs[org]?.withdrawn[deployment] = withdrawn.isEmpty ? nil : withdrawn
              }
            }
          case .group(let group):
            // A group that no deployment targets decides nothing.
            guard index.entries.contains(where: { $0.deployment.selector.groups.contains(group) })
            else { continue }
            let groups = DeviceGroups(db)
            for (device, connection) in known.connections {
              let isMember = try groups.contains(device, in: group)
              if connection.hasMoved(in: group, isMember: isMember) { found.append(connection) }
            }
          }
        }
        return found
      }
    } catch {
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
    let mustStart = state.withLock { state in
      // Not here: after a change of keys each of them reads a row.
      if state.orgs[org] != nil, state.checks.insert(org).inserted {
        state.errands.append(.check(org))
      }
      return Self.start(&state)
    }
    if mustStart { run() }
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
      connections.wake(org, events.lazy.compactMap { WakeUp($0.bytes) })
      return .accepted
    }

    func bookmark(_ revision: Int64) -> WatchOffer {
      connections.checkCallers(org)
      return .accepted
    }

    func ended(_ reason: WatchEnd) { connections.subscriptionEnded(id, org, reason) }
  }
}
