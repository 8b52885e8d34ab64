import ProtoWire
import RPCCore
import Synchronization

/// Decides, before a handler starts, whether a call gets a place: for calls and for streams apart, for each caller and for all.
///
/// What one caller overdraws is refused to that caller. Safe from any thread; a call costs two additions on its caller's account and
/// two on the server's.
final class Admission: Sendable {
  let accounts = Accounts()
  let calls: Supply
  let streams: Supply
  let requestBytes: Supply
  let responseBytes: Supply
  private let errorDomain: String?

  /// Bytes of a request that every open stream may hold uncounted.
  static let freeRequestBytes = 4 * 1024
  /// What an address may do more often than a principal.
  private static let addressShare = 4

  init(_ limits: ServerLimits, errorDomain: String?) {
    calls = Supply(total: limits.maxCalls, perCaller: limits.maxCallsPerCaller)
    streams = Supply(total: limits.maxOpenStreams, perCaller: limits.maxOpenStreamsPerCaller)
    requestBytes = Supply(
      total: limits.maxRequestBufferBytes, perCaller: limits.maxRequestBufferBytesPerCaller)
    responseBytes = Supply(
      total: limits.maxResponseBufferBytes, perCaller: limits.maxResponseBufferBytes)
    self.errorDomain = errorDomain
  }

  // MARK: Places

  /// Takes a place for a call of `method`, and one of the method's rate.
  ///
  /// - Parameter network: the account of the caller's address, where that is not `account` itself.
  /// - Parameter tier: of which kind the caller is, where the method has rates by kinds.
  func admit(
    _ method: ServedMethod, _ account: Account, network: Account?, tier: String = "", now: Int64
  ) throws(RPCError) {
    let refusal =
      method.isStream ? streams.take(by: account.streams) : calls.take(by: account.calls)
    if let refusal {
      throw error(refusal, of: method.isStream ? "open streams" : "running calls", account)
    }
    guard let rate = method.rate(of: tier) else { return }
    do throws(RPCError) {
      try take(rate, method.rate ?? rate, account, network, now)
    } catch {
      release(method, account)
      throw error
    }
  }

  func release(_ method: ServedMethod, _ account: Account) {
    if method.isStream { streams.give(by: account.streams) } else { calls.give(by: account.calls) }
  }

  private func take(
    _ rate: RateLimit, _ shared: RateLimit, _ account: Account, _ network: Account?, _ now: Int64
  ) throws(RPCError) {
    if let wait = account.take(rate, share: network == nil ? Self.addressShare : 1, now: now) {
      throw tooOften(rate, account, wait)
    }
    if let network, let wait = network.take(shared, share: Self.addressShare, now: now) {
      account.giveBack(rate)
      throw tooOften(shared, network, wait)
    }
  }

  // MARK: Refusals

  /// What a caller hears whose stream is one too many of a method on its connection.
  func tooManyStreams(of method: ServedMethod, limit: Int) -> RPCError {
    exhausted(
      "OVERLOADED", subject: "connection", wait: 1_000,
      "\(limit) streams of \(method.descriptor) are open on this connection, its limit")
  }

  /// What a caller hears that overdraws something.
  func error(_ refusal: Supply.Refusal, of what: String, _ account: Account) -> RPCError {
    switch refusal {
    case .caller(let holds, let limit):
      exhausted(
        "OVERLOADED", subject: account.name, wait: 1_000,
        "\(account.name) holds \(holds) \(what); with what others hold, \(limit) are left to it")
    case .server(let limit):
      exhausted(
        "OVERLOADED", subject: "server", wait: 1_000, "\(limit) \(what), the server's limit")
    }
  }

  private func tooOften(_ rate: RateLimit, _ account: Account, _ wait: Int64) -> RPCError {
    exhausted(
      "RATE_LIMITED", subject: account.name, wait: max(1, wait / 1_000_000),
      "\(account.name) calls \(rate.name) methods more often than \(rate.perMinute) times a minute")
  }

  private func exhausted(
    _ reason: String, subject: String, wait milliseconds: Int64, _ message: String
  ) -> RPCError {
    let quota = Google_Rpc_QuotaFailure.with {
      $0.violations = [
        .with {
          $0.subject = subject
          $0.description = message
        }
      ]
    }
    let retry = Google_Rpc_RetryInfo.with {
      $0.retryDelay = Google_Protobuf_Duration(.milliseconds(min(milliseconds, 3_600_000)))
    }
    var details = [Google_Protobuf_Any(packing: quota), Google_Protobuf_Any(packing: retry)]
    if let errorDomain {
      let info = Google_Rpc_ErrorInfo.with {
        $0.reason = reason
        $0.domain = errorDomain
      }
      details.insert(Google_Protobuf_Any(packing: info), at: 0)
    }
    return RPCError(.resourceExhausted, message, details: details)
  }
}
