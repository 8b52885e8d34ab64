internal import Domain
internal import RPCCore
internal import Store
internal import Synchronization

/// Whether the caller of a stream may go on: a stream can outlive its key, its principal and their roles, and
/// what lets it speak for a device.
///
/// Asked before anything is sent or taken in, and at every bookmark. Costs a comparison while no key and no principal of its org
/// has changed, and one read of a row after a change of any.
final class CallerLease: Sendable {
  private struct State {
    /// The org's changes that are accounted for; nil: none, not even those before the stream.
    var seen: UInt64?
    var changes: CredentialCache.Changes
    var expiresAt: Timestamp?
    /// The device's changes that are accounted for; nil: none.
    var seenOfDevice: UInt64?
  }

  private let caller: Caller
  private let context: ServerContext
  private let rules: CallRules
  /// The device that the stream is of, where it is one's.
  private let device: DeviceID?
  private let state: Mutex<State>

  init(_ caller: Caller, _ context: ServerContext, _ rules: CallRules, for device: DeviceID? = nil)
  {
    self.caller = caller
    self.device = caller.device?.id ?? device
    self.context = context
    self.rules = rules
    state = Mutex(State(changes: rules.authentication.changes(of: caller.org)))
  }

  /// Why the stream must end; nil: it may go on. Any thread.
  func refusal() -> RPCError? {
    do {
      try check()
      return nil
    } catch {
      return rules.mapping.error(error, context)
    }
  }

  private func check() throws {
    if let device { try check(device) }
    if caller.device == nil { try checkKey() }
  }

  private func checkKey() throws {
    var known = state.withLock { $0 }
    if known.changes.isForgotten {
      known.changes = rules.authentication.changes(of: caller.org)
      known.seen = nil
    }
    // Before the read: a change during it is looked at again.
    let changed = known.changes.last
    if known.seen != changed {
      // Not under the lock: the read may wait for a reader, and event loops ask too.
      guard let found = try rules.authentication.standing(of: caller.key) else {
        throw ServiceError.unauthenticated(.apiKeyInvalid)
      }
      if let refusal = Authorization.refusal(of: found.roles, context.method) {
        throw refusal
      }
      known.seen = changed
      known.expiresAt = found.key.expiresAt
      state.withLock { [known] in $0 = known }
    }
    if let expiresAt = known.expiresAt, rules.authentication.now() >= expiresAt {
      throw ServiceError.unauthenticated(.apiKeyInvalid)
    }
  }

  private func check(_ device: DeviceID) throws {
    let changed = rules.authentication.changes(of: device)
    guard state.withLock({ $0.seenOfDevice }) != changed else { return }
    if let refusal = try rules.authentication.refusal(of: caller, toSpeakFor: device) {
      throw refusal
    }
    state.withLock { $0.seenOfDevice = changed }
  }
}
