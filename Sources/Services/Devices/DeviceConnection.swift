internal import API
internal import Domain
internal import ProtoWire
internal import RPCCore
internal import Store
internal import Synchronization

/// One connected device: sends it what it should run whenever that differs from what it was sent last.
final class DeviceConnection: Sendable {
  private let fleet: Fleet
  let device: DeviceID
  private let org: OrgID
  private let stream: DetachedResponseStream<ConnectResponse>
  private let lease: CallerLease
  private let ending: @Sendable (WatchEnd) -> RPCError
  private let failure: @Sendable (any Error) -> RPCError
  private let sent = Mutex(Sent())

  /// What was last computed, which decides what events concern the device.
  private struct Sent {
    var digest: String?
    var device: Domain.Device?
    /// The deployments that had something to say to it.
    var deployments: Set<DeploymentID> = []
  }

  /// `context` is that of the call whose responses `stream` are.
  init(
    _ fleet: Fleet, device: DeviceID, caller: Caller,
    stream: DetachedResponseStream<ConnectResponse>, _ rules: CallRules, _ context: ServerContext
  ) {
    self.fleet = fleet
    self.device = device
    self.org = caller.org
    self.stream = stream
    lease = rules.lease(caller, context)
    ending = rules.ending(context)
    failure = { [mapping = rules.mapping] in mapping.error($0, context) }
    stream.onWritable { [weak self] in self?.push() }
  }

  /// Computes and sends, in this order and for one caller at a time. A slow device gets the latest state once it reads again.
  func push() {
    guard stream.hasRoom(), checkCaller() else { return }
    let refusal: RPCError? = sent.withLock { sent in
      do {
        let found = try fleet.store.read { db -> (Domain.Device, DesiredState)? in
          guard let device = try Devices(db).find(device, org: org) else { return nil }
          return (device, try fleet.desiredState(device, db))
        }
        guard let (device, state) = found else { return nil }
        sent.device = device
        sent.deployments = Set(state.entries.map { DeploymentID($0.deploymentId) })
        guard state.digest != sent.digest else { return nil }
        sent.digest = state.digest
        stream.send(ConnectResponse.with { $0.content = .desiredState(state) })
        return nil
      } catch {
        return failure(error)
      }
    }
    if let refusal { stream.finish(refusal) }
  }

  /// Whether a change of a deployment, nil: one that governs nothing any more, may concern the device. Costs no query.
  func isConcerned(by deployment: DeploymentID, _ entry: DeploymentIndex.Entry?) -> Bool {
    sent.withLock { sent in
      guard let device = sent.device, !sent.deployments.contains(deployment) else { return true }
      guard let entry else { return false }
      // What was withdrawn is taken back from whoever runs it, targeted or not.
      return entry.targets(device) || !entry.deployment.withdrawnVersions.isEmpty
    }
  }

  /// Whether the device has joined or left a group since it was last looked at.
  func hasMoved(in group: GroupID, isMember: Bool) -> Bool {
    sent.withLock { sent in sent.device.map { $0.groups.contains(group) != isMember } ?? true }
  }

  /// Ends the stream when its caller may not go on, and tells whether it may.
  @discardableResult
  func checkCaller() -> Bool {
    guard let refusal = lease.refusal() else { return true }
    stream.finish(refusal)
    return false
  }

  /// Ends the stream; the device connects again.
  func end(_ reason: WatchEnd) { stream.finish(ending(reason)) }
}
