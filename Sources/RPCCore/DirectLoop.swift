import Synchronization

/// A loop for calls without a transport: work runs on whatever thread brings it, one piece at a time.
final class DirectLoop: CallLoop, @unchecked Sendable {
  private struct Queue {
    var work: [@Sendable () -> Void] = []
    var isRunning = false
  }

  private let queue = Mutex(Queue())

  override init() { super.init(ownedByNobody: ()) }

  override func execute(_ work: @escaping @Sendable () -> Void) {
    let mine = queue.withLock { queue in
      queue.work.append(work)
      defer { queue.isRunning = true }
      return !queue.isRunning
    }
    guard mine else { return }
    setOwned(true)
    while let next = take() { next() }
  }

  /// The next piece; gives the loop up when there is none.
  private func take() -> (@Sendable () -> Void)? {
    queue.withLock { queue in
      guard queue.work.isEmpty else { return queue.work.removeFirst() }
      setOwned(false)
      queue.isRunning = false
      return nil
    }
  }

  override func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    execute { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
  }
}

extension ServerContext {
  /// A context for calls that no transport carries.
  static var direct: ServerContext {
    ServerContext(method: AnyMethodDescriptor(service: "direct", name: "Call", kind: .unary))
  }
}

/// A call that hands every response message to a closure.
final class CollectingCall: ServerCall, @unchecked Sendable {
  // Unchecked: as `ServerCall`.
  private let body: @Sendable ([UInt8]) -> Void
  private let queue: UnsafeMutablePointer<ByteQueue>

  init(_ body: @escaping @Sendable ([UInt8]) -> Void) {
    self.body = body
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

  override func finish(_ error: RPCError?) { responseEnded(error) }
}

/// A call whose request messages are given.
final class ScriptedCall: ServerCall, @unchecked Sendable {
  // Unchecked: as `ServerCall`.
  private var messages: ArraySlice<[UInt8]>
  private var current: [UInt8] = []

  init(_ messages: [[UInt8]]) {
    self.messages = messages[...]
    super.init(context: .direct, loop: DirectLoop())
    // Nobody ends a call without a transport: what is detached may begin at once.
    handlerReturned = true
  }

  /// The message is valid until the next `pull`: its array stays in `current`, which nothing else touches.
  override func pull() -> InboundMessage {
    guard let next = messages.popFirst() else { return .end }
    current = next
    return .message(current.withUnsafeBytes { $0 })
  }
}
