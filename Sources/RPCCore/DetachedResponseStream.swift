public import ProtoWire
import Synchronization

/// A response that lives on without a handler. All methods may be called from any thread; callbacks run on the call's loop.
///
/// Sending never waits: ask `hasRoom` first, and again after `onWritable`, to keep a slow client from growing memory.
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

  /// Whether less than 64 KiB wait for the client, and its connection may hold more.
  ///
  /// After false the `onWritable` callback is called, once, when less than 16 KiB wait, or the connection has room: however the bytes
  /// reach the queue and leave it, nobody who was told to wait waits for ever.
  public func hasRoom() -> Bool {
    if let gate = call.gate, gate.isClosed, !isTerminated {
      state.isAwaited.store(true, ordering: .sequentiallyConsistent)
      let call = call
      call.loop.run { call.awaitGate() }
      return false
    }
    if state.buffered.load(ordering: .sequentiallyConsistent) < ServerCall.highWaterMark {
      return true
    }
    state.isAwaited.store(true, ordering: .sequentiallyConsistent)
    // What drained between the two looks tells nobody.
    guard state.buffered.load(ordering: .sequentiallyConsistent) < ServerCall.lowWaterMark else {
      return false
    }
    state.isAwaited.store(false, ordering: .sequentiallyConsistent)
    return true
  }

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
    state.buffered.wrappingAdd(bytes.count + 5, ordering: .sequentiallyConsistent)
    let call = call
    let state = state
    call.loop.run {
      call.append(bytes)
      state.settle(call.outbound?.pointee.count ?? 0, arrived: bytes.count + 5, call)
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

  /// Calls `body` on the loop once there is room again after `hasRoom` said that there was none, never from within a call of this
  /// stream. Replaces the last callback.
  public func onWritable(_ body: @escaping @Sendable () -> Void) {
    let state = state
    let call = call
    call.loop.run {
      guard state.end == nil else { return }
      state.onWritable = body
      state.tellIfWritable(call)
    }
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

  /// Bytes in the queue when last looked at, and those that other threads have sent and that are not there yet.
  let buffered = Atomic<Int>(0)
  /// Somebody was told that there is no room. Who sets it looks at `buffered` afterwards, and who lowers `buffered` looks at it
  /// afterwards: one of the two sees the other.
  let isAwaited = Atomic<Bool>(false)
  let terminated = Atomic<Bool>(false)
  var onWritable: (@Sendable () -> Void)?
  var onTermination: (@Sendable (RPCError?) -> Void)?
  var end: (error: RPCError?, Void)?
  /// What the queue held when last looked at.
  private var queued = 0

  /// The queue holds `left` bytes now; `arrived` that were counted when they were sent have reached it, smaller if compressed.
  func settle(_ left: Int, arrived: Int = 0, _ call: ServerCall) {
    buffered.wrappingAdd(left - queued - arrived, ordering: .sequentiallyConsistent)
    queued = left
    tellIfWritable(call)
  }

  func tellIfWritable(_ call: ServerCall) {
    guard isAwaited.load(ordering: .sequentiallyConsistent),
      buffered.load(ordering: .sequentiallyConsistent) < ServerCall.lowWaterMark,
      let onWritable, isAwaited.exchange(false, ordering: .sequentiallyConsistent)
    else { return }
    // Later: whoever sends may hold a lock that the callback takes.
    call.loop.execute(onWritable)
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
