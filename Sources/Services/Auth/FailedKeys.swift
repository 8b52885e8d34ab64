internal import Logging
internal import RPCCore
internal import Synchronization

/// How often an address may try keys that are not accepted: at once, and per second after that.
public struct FailedKeyLimit: Sendable {
  public var burst: Int
  public var perSecond: Int

  public init(burst: Int = 100, perSecond: Int = 10) {
    self.burst = burst
    self.perSecond = perSecond
  }
}

/// Keys that were not accepted: limits who guesses, by address, and leaves a trace of it in the log. Safe from any thread.
///
/// An accepted key never comes here, so whoever has one is let in, whatever others try from the same address.
final class FailedKeys: Sendable {
  private struct State {
    var addresses: [String: TokenBucket] = [:]
    var lines = TokenBucket(burst: 10, rate: 1)
    var kept = 0
  }

  private let limit: FailedKeyLimit
  private let logger: Logger?
  private let state = Mutex(State())

  /// Addresses that are remembered; beyond it, those that have not tried for long are forgotten first.
  private static let addressLimit = 4_096

  init(_ limit: FailedKeyLimit, _ logger: Logger?) {
    self.limit = limit
    self.logger = logger
  }

  /// Notes a failed try, and makes what its caller hears.
  ///
  /// - Parameter hint: what a key is recognised by in public; empty for what is no key of ours.
  func refusal(_ context: ServerContext, hint: String, now: Int64 = Deadline.now.nanoseconds)
    -> RPCError
  {
    let (wait, line) = state.withLock { state -> (Int64?, kept: Int?) in
      if state.addresses.count >= Self.addressLimit { Self.forget(&state.addresses, now) }
      var bucket =
        state.addresses[context.network]
        ?? TokenBucket(burst: limit.burst, rate: limit.perSecond)
      let wait = bucket.take(now: now) ? nil : bucket.wait(now: now) ?? .max
      state.addresses[context.network] = bucket
      guard state.lines.take(now: now) else {
        state.kept += 1
        return (wait, nil)
      }
      defer { state.kept = 0 }
      return (wait, state.kept)
    }
    if let line {
      logger?.warning(
        "an API key was not accepted",
        metadata: [
          "address": "\(context.network)", "key": "\(hint.isEmpty ? "?" : hint + "…")",
          "method": "\(context.method)", "more": "\(line)",
        ])
    }
    guard let wait else {
      return StatusMapping.map(ServiceError.unauthenticated(.apiKeyInvalid))
    }
    let message = "too many keys from \(context.network) were not accepted"
    return ErrorDetails.error(
      .resourceExhausted, .rateLimited, message,
      with: [
        ErrorDetails.quotaFailure(subject: "address \(context.network)", message: message),
        ErrorDetails.retry(after: Int32(clamping: max(1, wait / 1_000_000))),
      ])
  }

  private static func forget(_ addresses: inout [String: TokenBucket], _ now: Int64) {
    for (address, bucket) in addresses {
      var bucket = bucket
      if bucket.isFull(now: now) { addresses[address] = nil }
    }
    if addresses.count >= addressLimit { addresses.removeAll(keepingCapacity: true) }
  }
}
