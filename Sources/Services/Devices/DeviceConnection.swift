internal import API
internal import Domain
internal import ProtoWire
internal import RPCCore
internal import Store
internal import Synchronization

/// One connected device: sends it what it should run whenever that differs from what it was sent last.
final class DeviceConnection: Sendable {
  private let fleet: FleetState
  let device: DeviceID
  private let org: OrgID
  private let stream: DetachedResponseStream<ConnectResponse>
  private let lease: CallerLease
  private let ending: @Sendable (WatchEnd) -> RPCError
  private let failure: @Sendable (any Error) -> RPCError
  private let state = Mutex(State())

  /// What was last computed, which decides what events concern the device, and who computes now.
  private struct State {
    /// The digest of the state that was sent last.
    var sent: String?
    var device: Domain.Device?
    /// The deployments that had something to say to it.
    var deployments: Set<DeploymentID> = []
    var isPushing = false
    var isDirty = false
  }

  /// `context` is that of the call whose responses `stream` are.
  init(
    _ fleet: FleetState, device: DeviceID, caller: Caller,
    stream: DetachedResponseStream<ConnectResponse>, _ rules: CallRules, _ context: ServerContext
  ) {
    self.fleet = fleet
    self.device = device
    self.org = caller.org
    self.stream = stream
    lease = rules.lease(caller, context, for: device)
    ending = rules.ending(context)
    failure = { [mapping = rules.mapping] in mapping.error($0, context) }
    stream.onWritable { [weak self] in self?.look() }
  }

  /// Has what the device should run computed beside the event loops, and sent when it has changed.
  func look() { fleet.connections.wake(self) }

  /// Computes and sends, in this order and for one caller at a time; who comes meanwhile has it done once more. A slow device gets
  /// the latest state once it reads again.
  func push() {
    let isMine = state.withLock { state in
      state.isDirty = true
      defer { state.isPushing = true }
      return !state.isPushing
    }
    guard isMine else { return }
    // Not under the lock: the read may wait for a reader.
    while takeDirty() {
      guard !stream.isTerminated, stream.hasRoom(), checkCaller() else { continue }
      do {
        try send()
      } catch {
        stream.finish(failure(error))
      }
    }
  }

  private func takeDirty() -> Bool {
    state.withLock { state in
      defer { state.isDirty = false }
      state.isPushing = state.isDirty
      return state.isDirty
    }
  }

  private func send() throws {
    let found = try fleet.store.read { db -> (Domain.Device, DesiredState)? in
      guard let device = try Devices(db).find(device, org: org) else { return nil }
      return (device, try fleet.desiredState(device, db))
    }
    guard let (device, wanted) = found else { return }
    let isNew = state.withLock { state in
      state.device = device
      state.deployments = Set(wanted.entries.map { DeploymentID($0.deploymentId) })
      defer { state.sent = wanted.digest }
      return state.sent != wanted.digest
    }
    if isNew { stream.send(ConnectResponse.with { $0.content = .desiredState(wanted) }) }
  }

  /// Whether a change of a deployment, nil: one that governs nothing any more, may concern the device: because it targets it, or had
  /// something to say to it. Costs no query.
  func isConcerned(by deployment: DeploymentID, _ entry: DeploymentIndex.Entry?) -> Bool {
    state.withLock { state in
      guard let device = state.device, !state.deployments.contains(deployment) else { return true }
      return entry?.targets(device) ?? false
    }
  }

  /// Whether the device has joined or left a group since it was last looked at.
  func hasMoved(in group: GroupID, isMember: Bool) -> Bool {
    state.withLock { state in state.device.map { $0.groups.contains(group) != isMember } ?? true }
  }

  /// Ends the stream when its caller may not go on, and tells whether it may.
  @discardableResult
  func checkCaller() -> Bool {
    guard let refusal = lease.refusal() else { return true }
    stream.finish(refusal)
    return false
  }

  /// Ends the stream because the device has another one.
  ///
  /// Whoever hears that is a second process with the device's key: the two take turns instead of chasing each other.
  func giveWay() {
    let message = "device \(device) has connected anew, and this connection ends for it"
    stream.finish(
      ErrorDetails.error(
        .aborted, .connectionReplaced, message, metadata: ["deviceId": device.rawValue],
        with: [ErrorDetails.retry(after: 60_000)]))
  }

  /// Ends the stream; the device connects again.
  func end(_ reason: WatchEnd) { stream.finish(ending(reason)) }
}
