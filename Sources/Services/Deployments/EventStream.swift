internal import ProtoWire
internal import RPCCore
internal import Store
internal import Synchronization

/// Carries a watch's events into a response that lives without a handler: an idle watch holds no Task.
///
/// The hub calls on its own thread, the stream on its connection's loop; whichever ends first ends the other.
final class EventStream<Response: Message>: WatchSink {
  private let stream: DetachedResponseStream<Response>
  private let lease: CallerLease
  private let bookmark: @Sendable (Int64) -> Response
  private let failure: @Sendable (WatchEnd) -> RPCError
  private let isLast: @Sendable (String) -> Bool
  private let isOver: @Sendable () throws -> Bool
  private let subscription = Mutex<WatchSubscription?>(nil)

  /// `isLast` tells the kind of event after which the stream ends, `isOver` whether there is nothing more to wait for once the log has
  /// been caught up with.
  init(
    _ stream: DetachedResponseStream<Response>, _ lease: CallerLease,
    bookmark: @escaping @Sendable (Int64) -> Response,
    failure: @escaping @Sendable (WatchEnd) -> RPCError,
    isLast: @escaping @Sendable (String) -> Bool = { _ in false },
    isOver: @escaping @Sendable () throws -> Bool = { false }
  ) {
    self.stream = stream
    self.lease = lease
    self.bookmark = bookmark
    self.failure = failure
    self.isLast = isLast
    self.isOver = isOver
  }

  /// Starts the watch after `revision`.
  func start(
    _ hub: WatchHub, _ filter: WatchFilter, after revision: Int64, _ encoding: WatchEncoding
  ) {
    let running = hub.subscribe(filter, after: revision, encoding: encoding, sink: self)
    subscription.withLock { $0 = running }
    stream.onWritable { running.becameWritable() }
    stream.onTermination { _ in running.cancel() }
  }

  func offer(_ events: [WatchedEvent]) -> WatchOffer {
    if let refusal = lease.refusal() {
      finish(refusal)
      return .accepted
    }
    guard stream.hasRoom() else { return .full }
    for event in events {
      stream.sendEncoded(event.bytes)
      if isLast(event.kind) {
        finish(nil)
        break
      }
    }
    return .accepted
  }

  func bookmark(_ revision: Int64) -> WatchOffer {
    if let refusal = lease.refusal() {
      finish(refusal)
      return .accepted
    }
    guard stream.hasRoom() else { return .full }
    stream.send(bookmark(revision))
    do {
      if try isOver() { finish(nil) }
    } catch {
      finish(failure(.failed("\(error)")))
    }
    return .accepted
  }

  func ended(_ reason: WatchEnd) { stream.finish(failure(reason)) }

  private func finish(_ error: RPCError?) {
    stream.finish(error)
    subscription.withLock { $0 }?.cancel()
  }
}
