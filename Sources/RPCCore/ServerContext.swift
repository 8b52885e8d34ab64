import Synchronization

/// A call as its handler sees it: who calls which method with what metadata, and until when.
///
/// Safe to use from any thread and to keep after the call has ended.
public final class ServerContext: Sendable {
  public let method: AnyMethodDescriptor
  /// The other side's address: `127.0.0.1:51234`.
  public let peer: String
  /// Whom strangers at that address count as: the address without its port, of IPv6 a network that is given to one customer.
  public let network: String
  /// When the caller stops waiting; nil for a stream without a timeout.
  public let deadline: Deadline?
  /// What the client sent before its first message.
  public let requestMetadata: Metadata
  /// Whether the connection is encrypted, and by whose certificate the peer is known.
  public let security: TransportSecurity

  struct Extras {
    var initialMetadata = Metadata()
    var trailingMetadata = Metadata()
    var caller: (any Sendable)?
    var account: String?
    var tier = ""
  }

  private let extras = Mutex<Extras>(Extras())
  private let cancelled = Atomic<Bool>(false)
  private let touched = Atomic<Bool>(false)

  public init(
    method: AnyMethodDescriptor, peer: String = "test", network: String? = nil,
    deadline: Deadline? = nil,
    requestMetadata: Metadata = Metadata(), security: TransportSecurity = .plain,
    caller: (any Sendable)? = nil
  ) {
    self.method = method
    self.peer = peer
    self.network = network ?? peer
    self.deadline = deadline
    self.requestMetadata = requestMetadata
    self.security = security
    if let caller { self.caller = caller }
  }

  /// Whether nobody waits for the answer any more: reset by the client, disconnected, past its deadline, or ended by the server.
  public var isCancelled: Bool { cancelled.load(ordering: .relaxed) }

  /// The runtime's word that nobody waits any more.
  public func markCancelled() { cancelled.store(true, ordering: .relaxed) }

  /// Sent before the first message. Changes after that have no effect.
  public var initialMetadata: Metadata {
    get { extras.withLock { $0.initialMetadata } }
    set {
      extras.withLock { $0.initialMetadata = newValue }
      touched.store(true, ordering: .releasing)
    }
  }

  /// Sent with the status. Changes after that have no effect.
  public var trailingMetadata: Metadata {
    get { extras.withLock { $0.trailingMetadata } }
    set {
      extras.withLock { $0.trailingMetadata = newValue }
      touched.store(true, ordering: .releasing)
    }
  }

  /// Whether initial or trailing metadata was ever set: spares the runtime two locks a call.
  public var hasResponseMetadata: Bool { touched.load(ordering: .acquiring) }

  /// Who calls: what an authenticating interceptor found out.
  public var caller: (any Sendable)? {
    get { extras.withLock { $0.caller } }
    set { extras.withLock { $0.caller = newValue } }
  }

  /// Under which name the call counts towards the limits of a caller: what an authenticating interceptor found out; nil: the
  /// address of the peer.
  public var account: String? { extras.withLock { $0.account } }

  /// Of which kind the caller is, where methods are limited by kinds: what an authenticating interceptor found out; empty: none.
  public var tier: String { extras.withLock { $0.tier } }

  /// The interceptor's word on who calls, under which name that counts towards a caller's limits, and of which kind it is.
  public func identify(_ caller: any Sendable, account: String, tier: String = "") {
    extras.withLock {
      $0.caller = caller
      $0.account = account
      $0.tier = tier
    }
  }

  /// Throws `CancellationError` when nobody waits for the answer any more: for loops without an `await`.
  public func checkCancellation() throws {
    if isCancelled { throw CancellationError() }
  }
}

/// What is known of the connection below a call.
public enum TransportSecurity: Sendable, Hashable {
  /// Clear text.
  case plain
  /// TLS; `peerCertificate` is the verified client certificate in DER when the server asked for one.
  case tls(peerCertificate: [UInt8]?)
}
