internal import Domain
internal import RPCCore
internal import Store
internal import Synchronization

/// Whether the caller of a stream may go on: a stream can outlive its key, its principal and their roles.
///
/// Asked before anything is sent or taken in, and at every bookmark. Costs a comparison while no key and no principal has changed,
/// and one read of a row after a change of any.
final class CallerLease: Sendable {
  private struct State {
    /// The changes that are accounted for; nil: none, not even those before the stream.
    var generation: UInt64?
    var expiresAt: Timestamp?
  }

  private let caller: Caller
  private let context: ServerContext
  private let rules: CallRules
  private let state = Mutex(State())

  init(_ caller: Caller, _ context: ServerContext, _ rules: CallRules) {
    self.caller = caller
    self.context = context
    self.rules = rules
  }

  /// Why the stream must end; nil: it may go on. Any thread.
  func refusal() -> RPCError? {
    do {
      try state.withLock { try check(&$0) }
      return nil
    } catch {
      return rules.mapping.error(error, context)
    }
  }

  private func check(_ state: inout State) throws {
    if let device = caller.device { return try check(device, &state) }
    // Before the read: a change during it is looked at again.
    let generation = rules.authentication.generation
    if state.generation != generation {
      guard let found = try rules.authentication.standing(of: caller.key) else {
        throw ServiceError.unauthenticated(.apiKeyInvalid)
      }
      if let refusal = Authorization.refusal(of: found.roles, context.method) {
        throw refusal
      }
      state = State(generation: generation, expiresAt: found.key.expiresAt)
    }
    if let expiresAt = state.expiresAt, rules.authentication.now() >= expiresAt {
      throw ServiceError.unauthenticated(.apiKeyInvalid)
    }
  }

  private func check(_ device: Caller.DeviceIdentity, _ state: inout State) throws {
    let generation = rules.authentication.changes(of: device.id)
    guard state.generation != generation else { return }
    guard try rules.authentication.isAccepted(device) else {
      throw ServiceError.unauthenticated(.apiKeyInvalid)
    }
    state.generation = generation
  }
}
