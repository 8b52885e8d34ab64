/// The limits and windows of a server's HTTP/2 sessions. Every default is documented where it is declared.
public struct SessionConfiguration: Sendable, Hashable {
  /// Streams a client may have open at once (`SETTINGS_MAX_CONCURRENT_STREAMS`).
  public var maxConcurrentStreams = 100
  /// Bytes of request a client may send on a stream before a handler takes them.
  public var streamWindow = 256 * 1024
  /// Bytes of request on all streams of a connection that are on their way.
  public var connectionWindow = 1024 * 1024
  /// Bytes of a request's header list, each field counted with 32 more (RFC 9113 section 6.5.2); announced to the client.
  public var maxHeaderListBytes = 16 * 1024
  /// Fields of a request's header list.
  public var maxHeaderCount = 100
  /// CONTINUATION frames of one header block.
  public var maxContinuations = 8
  /// Acknowledgements (PING, SETTINGS) that may wait for a client that does not read.
  public var maxOutboundAcknowledgements = 100
  /// Streams a client may reset within 100 ms of opening them: at once, and per second after that (CVE-2023-44487).
  public var resetBurst = 100
  public var resetRate = 33
  /// Streams the server may have to reset for the client's errors, and invalid frames: at once, and per second after that (CVE-2025-8671).
  public var faultBurst = 100
  public var faultRate = 33
  /// Frames that carry nothing (PING, SETTINGS, PRIORITY, WINDOW_UPDATE, empty DATA, unknown kinds) a client may send beyond what its useful traffic earns: at once, and
  /// per second after that.
  public var frameBudget = 2_000
  public var frameRate = 50
  /// PINGs a client may send without being sent a byte of a response in between: at once, and per second after that.
  public var pingBurst = 100
  public var pingRate = 1

  public init() {}
}
