/// What a server grants to its clients' calls.
public struct ServerLimits: Sendable {
  /// The largest request message in bytes, as sent and again after inflating; larger ones are RESOURCE_EXHAUSTED.
  public var maxRequestBytes = 4 * 1024 * 1024
  /// Handlers that run at once on the whole server; a call beyond is RESOURCE_EXHAUSTED. Calls that were reset count until their handler has returned.
  public var maxRunningHandlers = 10_000
  /// The deadline of a unary call that brings none; nil: none. Streams have none.
  public var defaultUnaryTimeout: Duration? = .seconds(30)

  public init() {}
}
