public import ProtoWire
import Synchronization

/// A response that lives on without a handler. All methods may be called from any thread; callbacks run on the call's loop.
///
/// Sending never waits: look at `bufferedBytes` and `onWritable` to keep a slow client from growing memory.
public final class DetachedResponseStream<Response: Message>: Sendable {
  private let call: ServerCall
  private let state: DetachedState

  init(call: ServerCall, state: DetachedState) {
    self.call = call
    self.state = state
  }

  /// The call it belongs to.
  public var context: ServerContext { call.context }

  /// Bytes sent and not yet taken by the connection. Messages on their way from another thread are counted.
  public var bufferedBytes: Int { state.buffered.load(ordering: .relaxed) }

  /// Whether the stream has ended, by either side.
  public var isTerminated: Bool { state.terminated.load(ordering: .acquiring) }

  /// Queues a message; false when the stream has ended.
  @discardableResult
  public func send(_ message: Response) -> Bool {
    sendEncoded(message.serialized())
  }

  /// Queues a message that is already encoded, so that many subscribers share the work; false when the stream has ended.
  @discardableResult
  public func sendEncoded(_ bytes: [UInt8]) -> Bool {
    guard !isTerminated else { return false }
    state.buffered.wrappingAdd(bytes.count + 5, ordering: .relaxed)
    let call = call
    let state = state
    call.loop.run {
      call.append(bytes)
      state.arrived(bytes.count + 5, call)
    }
    return true
  }

  /// Ends the stream after what was sent: nil is OK. The first end counts.
  public func finish(_ error: RPCError? = nil) {
    let call = call
    let state = state
    call.loop.run {
      if !state.terminated.exchange(true, ordering: .acquiringAndReleasing) { call.finish(error) }
    }
  }

  /// Calls `body` each time the buffer has drained below 16 KiB after having reached 64 KiB. Replaces the last callback.
  public func onWritable(_ body: @escaping @Sendable () -> Void) {
    let state = state
    call.loop.run { state.onWritable = body }
  }

  /// Calls `body` once, when the stream has ended; at once when it already has. The error says why it ended before `finish`: cancelled, past its deadline, disconnected.
  public func onTermination(_ body: @escaping @Sendable (RPCError?) -> Void) {
    let state = state
    call.loop.run {
      if let end = state.end { body(end.error) } else { state.onTermination = body }
    }
  }
}

/// The part of a detached stream that the call keeps.
final class DetachedState: @unchecked Sendable {
  // Unchecked: the plain fields belong to the call's loop.
  let buffered = Atomic<Int>(0)
  let terminated = Atomic<Bool>(false)
  var onWritable: (@Sendable () -> Void)?
  var onTermination: (@Sendable (RPCError?) -> Void)?
  var end: (error: RPCError?, Void)?
  private var isFull = false
  /// Bytes sent by other threads that have not reached the loop, plus what the queue held when last looked at.
  private var queued = 0

  /// `count` bytes, counted when they were sent, have reached the queue.
  func arrived(_ count: Int, _ call: ServerCall) {
    let left = call.outbound?.pointee.count ?? 0
    buffered.wrappingAdd(left - queued - count, ordering: .relaxed)
    queued = left
    if left >= ServerCall.highWaterMark { isFull = true }
  }

  func drained(left: Int) {
    buffered.wrappingAdd(left - queued, ordering: .relaxed)
    queued = left
    guard isFull, left < ServerCall.lowWaterMark else { return }
    isFull = false
    onWritable?()
  }

  func ended(_ error: RPCError?) {
    terminated.store(true, ordering: .releasing)
    end = (error, ())
    let notify = onTermination
    onTermination = nil
    onWritable = nil
    notify?(error)
  }
}
