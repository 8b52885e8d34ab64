public import NIOCore
public import RPCCore

extension Channel {
  /// How a channel connects and what its calls do unless they say otherwise.
  public struct Configuration: Sendable {
    /// nil: plain HTTP/2 (prior knowledge).
    public var tls: ClientTLS?
    public var backoff: BackoffPolicy
    /// How a server is noticed that is gone without a word. Off unless it is set: a watch of a server
    /// that froze, or behind a network that broke, then waits for as long as its deadline.
    public var keepalive: KeepalivePolicy
    /// For calls whose options have none. By default calls of methods that are declared idempotent
    /// are repeated, others only when the server cannot have executed them.
    public var retry: RetryPolicy
    /// Stops the retries of a channel most of whose calls fail.
    public var retryThrottle: RetryThrottle
    /// Bytes of a call's requests that are kept for a retry; a call that sends more is not repeated.
    public var retryBufferBytes: Int
    /// Who the calls say they are.
    public var credentials: CallCredentials?
    /// The deadline of unary calls whose options have none; nil: the client sets none, and the
    /// server's own applies (`ServerLimits.defaultUnaryTimeout`, 30 s). Streams have no deadline but
    /// that of their options.
    public var unaryTimeout: Duration?
    /// The largest response message accepted, in bytes.
    public var maxResponseBytes: Int
    /// The window of each stream, in bytes: what a server may send ahead of its reader.
    public var streamWindow: Int
    /// In front of `grpc-swift-rollcall/1` in the user agent; nil: nothing.
    public var userAgent: String?
    /// The event loops to choose one of; nil: those that all of the process shares.
    public var eventLoopGroup: (any EventLoopGroup)?

    public init(
      tls: ClientTLS? = nil, backoff: BackoffPolicy = .init(), keepalive: KeepalivePolicy = .init(),
      retry: RetryPolicy = .init(), retryThrottle: RetryThrottle = .init(),
      retryBufferBytes: Int = 1024 * 1024, credentials: CallCredentials? = nil,
      unaryTimeout: Duration? = nil, maxResponseBytes: Int = 4 * 1024 * 1024,
      streamWindow: Int = 256 * 1024, userAgent: String? = nil,
      eventLoopGroup: (any EventLoopGroup)? = nil
    ) {
      self.tls = tls
      self.backoff = backoff
      self.keepalive = keepalive
      self.retry = retry
      self.retryThrottle = retryThrottle
      self.retryBufferBytes = retryBufferBytes
      self.credentials = credentials
      self.unaryTimeout = unaryTimeout
      self.maxResponseBytes = maxResponseBytes
      self.streamWindow = streamWindow
      self.userAgent = userAgent
      self.eventLoopGroup = eventLoopGroup
    }
  }
}
