public import RPCCore

/// One stream of a server's session: what was received, what waits to be sent, and whose it is.
///
/// A record in raw memory that its session recycles. It belongs to the session's thread and is valid from its `.headers` event until the owner has
/// released it after its `.closed` event.
public struct ServerStream: ~Copyable {
  public typealias Reference = UnsafeMutablePointer<ServerStream>

  public internal(set) var id: Int32 = 0

  /// DATA that arrived and was not taken.
  public var inbound = ByteQueue()
  /// The response's DATA, encoded and framed.
  public var outbound = ByteQueue()
  /// The request's header fields, a field block in the order of arrival.
  public var fields = ByteQueue()
  /// A field block sent as trailers once `outbound` has drained; empty for `grpc-status: 0`.
  public var trailers = ByteQueue()

  /// The owner's object, retained by the owner.
  public var owner: Unmanaged<AnyObject>?

  /// The owner's to use; 0 on a new stream.
  public var tag: UInt8 = 0
  /// How long the client said that it waits, in nanoseconds; 0: it did not say. The owner's to write.
  public var patience: Int64 = 0

  /// More or longer fields arrived than the session's limits; `fields` holds the first ones.
  public internal(set) var fieldsOverflowed = false
  /// The client has sent END_STREAM.
  public internal(set) var isRemoteClosed = false
  /// The stream is gone: nothing can be sent or received.
  public internal(set) var isClosed = false
  /// A response was submitted.
  public internal(set) var hasResponse = false
  /// How `outbound` ends.
  public internal(set) var ending = Ending.open
  /// Bytes of the response taken by the session so far, for finding streams that make no progress.
  public internal(set) var bytesSent: UInt64 = 0
  /// Bytes of the request's DATA received so far.
  public internal(set) var bytesReceived: UInt64 = 0
  /// When the request's head began to arrive, in nanoseconds.
  public internal(set) var openedAt: Int64 = 0
  /// What the last look for progress saw; the looker's to write.
  public var bytesSeen: UInt64 = 0
  /// Since when `bytesSent` is compared with `bytesSeen`, in nanoseconds; the looker's to write.
  public var progressAt: Int64 = 0

  /// How the response goes on when `outbound` is empty.
  public enum Ending: UInt8, Sendable {
    /// More may come.
    case open
    /// Trailers.
    case trailers
    /// END_STREAM with the last DATA: a plain HTTP answer.
    case endStream
  }

  var headerBytes = 0
  var headerCount = 0
  var headersComplete = false
  var inTrailers = false
  var dataEventPending = false
  var drainEventPending = false
  var next: Reference?
  var previous: Reference?

  init() {}

  /// Gives back the memory of queues that hold nothing: for streams that will idle.
  public mutating func releaseIdleMemory() {
    inbound.release(above: 0)
    outbound.release(above: 0)
    fields.release(above: 0)
  }

  /// Back to a fresh record. Large buffers go, small ones stay for the next stream.
  mutating func recycle() {
    inbound.clear()
    outbound.clear()
    fields.clear()
    trailers.clear()
    inbound.release(above: 4 * 1024)
    outbound.release(above: 16 * 1024)
    fields.release(above: 4 * 1024)
    trailers.release(above: 1024)
    outbound.consumerSleeps = false
    outbound.producerWaits = false
    owner = nil
    tag = 0
    patience = 0
    fieldsOverflowed = false
    isRemoteClosed = false
    isClosed = false
    hasResponse = false
    ending = .open
    bytesSent = 0
    bytesReceived = 0
    openedAt = 0
    bytesSeen = 0
    progressAt = 0
    headerBytes = 0
    headerCount = 0
    headersComplete = false
    inTrailers = false
    dataEventPending = false
    drainEventPending = false
  }
}
