import HTTP2
import NIOCore
import Transport

/// What a server grants to its clients: per call, per connection, in all. Every field says what happens at its limit.
public struct ServerLimits: Sendable {
  // MARK: Calls

  /// The largest request message in bytes, as sent and again after inflating; larger ones are RESOURCE_EXHAUSTED.
  public var maxRequestBytes = 4 * 1024 * 1024
  /// Handlers that run at once on the whole server; a call beyond is RESOURCE_EXHAUSTED. Calls that were reset count until their handler has returned.
  public var maxRunningHandlers = 10_000
  /// The deadline of a unary call that brings none; nil: none. Streams have none.
  public var defaultUnaryTimeout: Duration? = .seconds(30)

  // MARK: Connections

  /// Open connections; more are closed as they are accepted.
  public var maxConnections = 10_000
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
  /// A response of which the client takes no byte, before its stream is reset; a socket that takes none, before the connection is closed.
  public var noProgressTimeout: Duration = .seconds(30)

  // MARK: Floods; beyond: the connection is closed

  /// CONTINUATION frames of one header block.
  public var maxContinuations = 8
  /// PING and SETTINGS whose acknowledgement waits for a client that does not read.
  public var maxOutboundAcknowledgements = 100
  /// Streams a client may reset: at once, and per second after that.
  public var resetBurst = 100
  public var resetRate = 33

  // MARK: Floods; beyond: GOAWAY with ENHANCE_YOUR_CALM, and the connection is closed

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
    connection.preface = TimeAmount(prefaceTimeout)
    connection.settingsAcknowledgement = TimeAmount(settingsTimeout)
    connection.headerBlock = TimeAmount(headerBlockTimeout)
    connection.idle = idleTimeout.map { TimeAmount($0) }
    connection.keepaliveInterval = keepaliveInterval.map { TimeAmount($0) }
    connection.keepaliveTimeout = TimeAmount(keepaliveTimeout)
    connection.noProgress = TimeAmount(noProgressTimeout)
    return connection
  }
}
