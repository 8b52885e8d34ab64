/// What a client asks for one call.
public struct CallOptions: Sendable {
  /// How long the whole call may take, retries and waiting for a connection included; nil: the channel's default. Sent as
  /// `grpc-timeout`, so a server stops its work too, and held here whatever the server does.
  public var timeout: Duration?
  /// Sent before the first message.
  public var metadata: Metadata
  /// How messages to the server are encoded.
  public var compression: Compression
  /// Wait for a connection instead of failing with UNAVAILABLE while there is none.
  public var waitForReady: Bool
  /// Repeats a failed call; nil: the channel's policy.
  public var retry: RetryPolicy?
  /// The largest message accepted from the server, in bytes; nil: the channel's limit (4 MiB).
  public var maxResponseBytes: Int?

  public init(
    timeout: Duration? = nil, metadata: Metadata = Metadata(), compression: Compression = .identity,
    waitForReady: Bool = false, retry: RetryPolicy? = nil, maxResponseBytes: Int? = nil
  ) {
    self.timeout = timeout
    self.metadata = metadata
    self.compression = compression
    self.waitForReady = waitForReady
    self.retry = retry
    self.maxResponseBytes = maxResponseBytes
  }
}

/// The encodings of a message (`grpc-encoding`).
public enum Compression: UInt8, Sendable, Hashable, CaseIterable {
  case identity
  case gzip
}

/// When and how often a failed call is repeated (gRFC A6). A call is repeated only while its response has not begun.
///
/// What the server certainly did not execute (never sent, refused, or above the last stream of a GOAWAY) is repeated at once,
/// whatever the method and without a policy. Everything else may have been executed, and is repeated only within `scope`.
public struct RetryPolicy: Sendable, Hashable {
  /// Attempts in all; 1: no retry.
  public var maxAttempts: Int
  public var initialBackoff: Duration
  public var maxBackoff: Duration
  public var backoffMultiplier: Double
  /// The codes worth another attempt.
  public var retryableCodes: Set<StatusCode>
  /// Which calls are repeated although the server may have executed them.
  public var scope: Scope

  /// Calls that may be executed more than once.
  public enum Scope: Sendable, Hashable {
    /// Those of methods whose `idempotency_level` in the proto is `NO_SIDE_EFFECTS` or `IDEMPOTENT`.
    case idempotentMethods
    /// All: the caller knows that a repetition does no harm, because each request carries an id of its own for example.
    case allMethods
  }

  public init(
    maxAttempts: Int = 4, initialBackoff: Duration = .milliseconds(100),
    maxBackoff: Duration = .seconds(5), backoffMultiplier: Double = 2,
    retryableCodes: Set<StatusCode> = [.unavailable], scope: Scope = .idempotentMethods
  ) {
    self.maxAttempts = maxAttempts
    self.initialBackoff = initialBackoff
    self.maxBackoff = maxBackoff
    self.backoffMultiplier = backoffMultiplier
    self.retryableCodes = retryableCodes
    self.scope = scope
  }

  public static let none = RetryPolicy(maxAttempts: 1)
}
