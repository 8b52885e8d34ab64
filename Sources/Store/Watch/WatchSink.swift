/// Where a watch's events go: a connection's outbound buffer, behind callbacks, so that an idle
/// watch holds no thread and no Task.
///
/// All methods are called on the hub's thread, one at a time for one sink. They must neither block
/// nor wait for the hub; typically they hop to the connection's event loop.
public protocol WatchSink: AnyObject, Sendable {
  /// Takes all of `events`, oldest first, or none of them. After `.full` nothing more is offered
  /// until `WatchSubscription.becameWritable()`.
  func offer(_ events: [WatchedEvent]) -> WatchOffer

  /// Everything the filter matches up to `revision` was offered and accepted: a watch that resumes
  /// there misses nothing. Sent once when the watch has caught up, then at the configured interval.
  func bookmark(_ revision: Int64) -> WatchOffer

  /// The last call: the watch cannot go on.
  func ended(_ reason: WatchEnd)
}

public enum WatchOffer: Sendable, Hashable {
  case accepted
  case full
}

/// Why the hub ended a watch by itself; a cancelled one gets no call.
public enum WatchEnd: Error, Sendable, Hashable {
  /// Events after `requested` were compacted. OUT_OF_RANGE naming `oldest`, from which a new watch
  /// can start.
  case compacted(requested: Int64, oldest: Int64)
  /// The revision has not happened yet. OUT_OF_RANGE.
  case futureRevision(requested: Int64, newest: Int64)
  /// The log could not be read or an event not encoded. INTERNAL.
  case failed(String)
  /// The store is closing. UNAVAILABLE; resume elsewhere.
  case closed
}

/// An event as the bytes of one encoding, shared by all watches of that encoding.
public struct WatchedEvent: Sendable, Hashable {
  public let revision: Int64
  /// What happened: ``NewEvent/kind``.
  public let kind: String
  public let bytes: [UInt8]

  public init(revision: Int64, kind: String, bytes: [UInt8]) {
    self.revision = revision
    self.kind = kind
    self.bytes = bytes
  }
}

/// How a kind of watch encodes events. Make one instance for each kind and share it: an event is
/// encoded once for each instance, however many watches use it.
public final class WatchEncoding: Sendable {
  let encode: @Sendable (LoggedEvent) throws -> [UInt8]?

  /// `encode` runs on the hub's thread; nil leaves the event out for this kind.
  public init(_ encode: @escaping @Sendable (LoggedEvent) throws -> [UInt8]?) {
    self.encode = encode
  }
}

/// A running watch. Cancel it when its stream ends; the hub keeps the sink until then.
public final class WatchSubscription: Sendable {
  let id: Int
  private let post: @Sendable (WatchHub.Command) -> Void

  init(id: Int, post: @escaping @Sendable (WatchHub.Command) -> Void) {
    self.id = id
    self.post = post
  }

  /// The sink that answered `.full` has room again. Any thread.
  public func becameWritable() { post(.writable(id)) }

  /// Ends the watch without a call to the sink; one offer may still be under way. Any thread.
  public func cancel() { post(.cancel(id)) }
}
