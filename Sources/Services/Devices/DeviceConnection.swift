internal import API
internal import Domain
internal import ProtoWire
internal import RPCCore
internal import Store
internal import Synchronization

/// One connected device: sends it what it should run whenever that differs from what it was sent last.
final class DeviceConnection: Sendable {
  private let fleet: Fleet
  private let device: DeviceID
  private let org: OrgID
  private let stream: DetachedResponseStream<ConnectResponse>
  private let lease: CallerLease
  private let ending: @Sendable (WatchEnd) -> RPCError
  private let failure: @Sendable (any Error) -> RPCError
  private let sent = Mutex<String?>(nil)

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
        let state = try fleet.store.read { db -> DesiredState? in
          guard let device = try Devices(db).find(device, org: org) else { return nil }
          return try fleet.desiredState(device, db)
        }
        guard let state, state.digest != sent else { return nil }
        sent = state.digest
        stream.send(ConnectResponse.with { $0.content = .desiredState(state) })
        return nil
      } catch {
        return failure(error)
      }
    }
    if let refusal { stream.finish(refusal) }
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
