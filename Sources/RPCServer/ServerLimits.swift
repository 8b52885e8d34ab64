import HTTP2
import NIOCore
import Transport

/// What a server grants to its clients: per call, per connection, in all. Every field says what happens at its limit.
public struct ServerLimits: Sendable {
  // MARK: Calls

  /// The largest request message in bytes, as sent and again after inflating; larger ones are RESOURCE_EXHAUSTED.
  public var maxRequestBytes = 4 * 1024 * 1024
  /// The deadline of a unary call that brings none; nil: none. Streams have none.
  public var defaultUnaryTimeout: Duration? = .seconds(30)
  /// The latest deadline of a unary call: a later one, or none, counts as this; nil: any.
  public var maxUnaryTimeout: Duration? = .seconds(600)

  // MARK: Places; beyond: RESOURCE_EXHAUSTED, to who overdraws
  // A caller is a principal, or an address that has not said who it is. Beside its own limit, one may hold at most as much as is
  // left for all others: a caller alone no more than half.

  /// Unary calls under way on the whole server. Calls that were reset count until their handler has returned.
  public var maxCalls = 10_000
  public var maxCallsPerCaller = 5_000
  /// Streams open on the whole server, whether a handler works on them or not.
  public var maxOpenStreams = 50_000
  public var maxOpenStreamsPerCaller = 20_000
  /// Bytes of requests that have arrived and wait, or whose unary call is under way; 4 KiB of each are free.
  public var maxRequestBufferBytes = 64 * 1024 * 1024
  public var maxRequestBufferBytesPerCaller = 16 * 1024 * 1024

  // MARK: Responses that wait for their client; beyond: nobody encodes more until some have left

  /// Bytes of large responses (from 64 KiB on) that wait on the whole server.
  public var maxResponseBufferBytes = 128 * 1024 * 1024
  /// Bytes of large responses that wait on one connection.
  public var maxResponseBufferBytesPerConnection = 8 * 1024 * 1024

  // MARK: Connections

  /// Open connections; more are closed as they are accepted. The process's limit of open files may allow fewer.
  public var maxConnections = 10_000
  /// Of those, connections of one address (of IPv6 a network of 64 bits); nil: at most as many as are left for all others, so one
  /// address alone gets half. A server behind a proxy sees one address.
  public var maxConnectionsPerNetwork: Int?
  /// Streams a client may have open at once on a connection; more are refused.
  public var maxConcurrentStreams = 100
  /// Bytes of request a client may send on a stream before its handler takes them.
  public var streamWindow = 256 * 1024
  /// Bytes of request that may be on their way on all streams of a connection.
  public var connectionWindow = 1024 * 1024
  /// Bytes of a request's header list, each field counted with 32 more; beyond: HTTP 431.
  public var maxHeaderListBytes = 16 * 1024
  /// Fields of a request's header list; beyond: HTTP 431.
  public var maxHeaderCount = 100

  // MARK: Patience

  /// From accepting a connection to a complete client preface.
  public var prefaceTimeout: Duration = .seconds(10)
  /// From sending SETTINGS to their acknowledgement.
  public var settingsTimeout: Duration = .seconds(10)
  /// From the begin of a header block to its end.
  public var headerBlockTimeout: Duration = .seconds(10)
  /// Without a stream, before a connection is closed with GOAWAY; nil: never.
  public var idleTimeout: Duration? = .seconds(600)
  /// Without a byte from the client, before a PING is sent; nil: never.
  public var keepaliveInterval: Duration? = .seconds(60)
  /// From that PING to any byte of the client, before the connection is dropped.
  public var keepaliveTimeout: Duration = .seconds(20)
  /// From a request's head to its end, where it is one message; later: DEADLINE_EXCEEDED.
  public var bodyTimeout: Duration = .seconds(30)
  /// Bytes a second that a client must send while it owes a message, and take while a response waits for it, averaged over
  /// `noProgressTimeout`. Slower: DEADLINE_EXCEEDED, or the stream is reset.
  public var minimumRate = 1024
  /// The time over which `minimumRate` is averaged. A socket that takes less for so long is closed.
  public var noProgressTimeout: Duration = .seconds(30)

  // MARK: Floods; beyond: the connection is closed

  /// CONTINUATION frames of one header block.
  public var maxContinuations = 8
  /// PING and SETTINGS whose acknowledgement waits for a client that does not read.
  public var maxOutboundAcknowledgements = 100

  // MARK: Floods; beyond: GOAWAY with ENHANCE_YOUR_CALM, and the connection is closed

  /// Streams a client may reset within 100 ms of opening them: at once, and per second after that.
  public var resetBurst = 100
  public var resetRate = 33

  /// Streams reset for the client's errors and invalid frames: at once, and per second after that.
  public var faultBurst = 100
  public var faultRate = 33
  /// Frames that carry nothing, beyond what useful traffic earns: at once, and per second after that.
  public var frameBudget = 2_000
  public var frameRate = 50
  /// PINGs without a byte of a response in between: at once, and per second after that.
  public var pingBurst = 100
  public var pingRate = 1

  public init() {}

  var session: SessionConfiguration {
    var session = SessionConfiguration()
    session.maxConcurrentStreams = maxConcurrentStreams
    session.streamWindow = streamWindow
    session.connectionWindow = connectionWindow
    session.maxHeaderListBytes = maxHeaderListBytes
    session.maxHeaderCount = maxHeaderCount
    session.maxContinuations = maxContinuations
    session.maxOutboundAcknowledgements = maxOutboundAcknowledgements
    session.resetBurst = resetBurst
    session.resetRate = resetRate
    session.faultBurst = faultBurst
    session.faultRate = faultRate
    session.frameBudget = frameBudget
    session.frameRate = frameRate
    session.pingBurst = pingBurst
    session.pingRate = pingRate
    return session
  }

  var connection: ConnectionLimits {
    var connection = ConnectionLimits()
    connection.maxConnections = maxConnections
    connection.maxConnectionsPerNetwork = maxConnectionsPerNetwork
    connection.preface = TimeAmount(prefaceTimeout)
    connection.settingsAcknowledgement = TimeAmount(settingsTimeout)
    connection.headerBlock = TimeAmount(headerBlockTimeout)
    connection.idle = idleTimeout.map { TimeAmount($0) }
    connection.keepaliveInterval = keepaliveInterval.map { TimeAmount($0) }
    connection.keepaliveTimeout = TimeAmount(keepaliveTimeout)
    connection.noProgress = TimeAmount(noProgressTimeout)
    connection.minimumRate = minimumRate
    return connection
  }
}
