import ProtoWire
import Synchronization
import Testing

@testable import RPCCore

/// The responses of a call without a transport, as they come, and how the call ended.
final class RecordedStream<Response: Message>: Sendable {
  let responses: ResponseStream<Response>
  private let received: AsyncStream<Response>
  private let outcome: Mutex<RPCError??>

  init() {
    let (received, continuation) = AsyncStream<Response>.makeStream()
    self.received = received
    let call = RecordingCall { bytes in
      do {
        continuation.yield(try Response(wire: bytes))
      } catch {
        Issue.record("\(Response.fullName) does not read back: \(error)")
      }
    } onEnd: {
      continuation.finish()
    }
    outcome = Mutex(nil)
    responses = ResponseStream(call)
    call.onOutcome { [weak self] error in self?.outcome.withLock { $0 = .some(error) } }
  }

  /// The next messages, up to and including the first that `isLast` accepts; all of them when the call ends before.
  func next(until isLast: (Response) -> Bool) async -> [Response] {
    var messages: [Response] = []
    for await message in received {
      messages.append(message)
      if isLast(message) { break }
    }
    return messages
  }

  /// The rest of the messages, and the error that the call ended with.
  func end() async -> (messages: [Response], error: RPCError?) {
    let messages = await next { _ in false }
    return (messages, outcome.withLock { $0 ?? nil })
  }
}

/// A call that hands every response message to a closure and notes how it ends.
private final class RecordingCall: ServerCall, @unchecked Sendable {
  // Unchecked: as `ServerCall`.
  private let body: @Sendable ([UInt8]) -> Void
  private let onEnd: @Sendable () -> Void
  private let outcome = Mutex<(@Sendable (RPCError?) -> Void)?>(nil)
  private let queue: UnsafeMutablePointer<ByteQueue>

  init(_ body: @escaping @Sendable ([UInt8]) -> Void, onEnd: @escaping @Sendable () -> Void) {
    self.body = body
    self.onEnd = onEnd
    queue = .allocate(capacity: 1)
    queue.initialize(to: ByteQueue())
    queue.pointee.consumerSleeps = true
    super.init(context: .direct, loop: DirectLoop())
    outbound = queue
  }

  deinit {
    queue.deinitialize(count: 1)
    queue.deallocate()
  }

  func onOutcome(_ body: @escaping @Sendable (RPCError?) -> Void) {
    outcome.withLock { $0 = body }
  }

  override func wake() {
    while queue.pointee.count >= 5 {
      let bytes = queue.pointee.bytes
      let size = Int(UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: 1, as: UInt32.self)))
      let message = [UInt8](bytes[5..<5 + size])
      queue.pointee.consume(5 + size)
      body(message)
    }
    didDrain()
  }

  override func finish(_ error: RPCError?) {
    guard outbound != nil else { return }
    outcome.withLock { $0 }?(error)
    responseEnded(error)
    onEnd()
  }
}
