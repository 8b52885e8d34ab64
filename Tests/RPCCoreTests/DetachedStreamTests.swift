import ProtoWire
import Synchronization
import Testing

@testable import RPCCore

/// A loop whose work runs when the test says so: one piece, as it came from another thread.
final class StepLoop: CallLoop, @unchecked Sendable {
  private let work = Mutex<[@Sendable () -> Void]>([])

  override init() { super.init(ownedByNobody: ()) }

  override func execute(_ work: @escaping @Sendable () -> Void) {
    self.work.withLock { $0.append(work) }
  }

  override func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    execute { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
  }

  /// Runs the oldest piece; false when there is none.
  func step() -> Bool {
    let next = work.withLock { $0.isEmpty ? nil : $0.removeFirst() }
    guard let next else { return false }
    setOwned(true)
    next()
    setOwned(false)
    return true
  }

  /// Runs `body` as the loop's thread does.
  func own(_ body: () -> Void) {
    setOwned(true)
    body()
    setOwned(false)
  }
}

/// A call whose client reads when the test says so.
final class QueuedCall: ServerCall, @unchecked Sendable {
  let steps = StepLoop()
  private let queue: UnsafeMutablePointer<ByteQueue>
  /// What `compresses` makes of a message.
  private let compressedSize = 10

  init() {
    queue = .allocate(capacity: 1)
    queue.initialize(to: ByteQueue())
    super.init(context: .direct, loop: steps)
    outbound = queue
  }

  deinit {
    queue.deinitialize(count: 1)
    queue.deallocate()
  }

  override func wake() {}
  override func appendCompressed(_ message: UnsafeRawBufferPointer) {
    let start = queue.pointee.reserve(compressedSize)
    start.initializeMemory(as: UInt8.self, repeating: 0, count: compressedSize)
    queue.pointee.commit(compressedSize)
  }
  override func pull() -> InboundMessage { .pending }
  override func finish(_ error: RPCError?) { responseEnded(error) }

  /// The client takes all that waits.
  func drain() {
    steps.own {
      queue.pointee.clear()
      didDrain()
    }
  }
}

@Suite struct DetachedStreamTests {
  typealias Number = Google_Protobuf_Int64Value

  let call = QueuedCall()
  let calls = Collected()

  /// A stream whose callback is noted.
  func stream() -> DetachedResponseStream<Number> {
    let stream = ResponseStream<Number>(call).detach()
    while call.steps.step() {}
    stream.onWritable { [calls] in calls.add(1) }
    while call.steps.step() {}
    return stream
  }

  @Test
  func `a sender that found no room hears of it, though the bytes never lay in the queue at once`()
  {
    let stream = stream()
    for _ in 0..<70 { stream.sendEncoded([UInt8](repeating: 1, count: 1_000)) }
    #expect(!stream.hasRoom(), "70,350 bytes are on their way")
    while call.steps.step() { call.drain() }
    #expect(calls.values == [1])
    #expect(stream.hasRoom())
    #expect(stream.bufferedBytes == 0)
  }

  @Test func `a sender that found no room hears of it when compression makes little of the bytes`()
  {
    call.compresses = true
    let stream = stream()
    for _ in 0..<70 { stream.sendEncoded([UInt8](repeating: 1, count: 1_000)) }
    #expect(!stream.hasRoom())
    while call.steps.step() {}
    #expect(calls.values == [1], "700 bytes wait")
    #expect(stream.bufferedBytes == 700)
  }

  @Test func `a callback that is set late is called for what happened before`() {
    let stream = ResponseStream<Number>(call).detach()
    while call.steps.step() {}
    for _ in 0..<70 { stream.sendEncoded([UInt8](repeating: 1, count: 1_000)) }
    #expect(!stream.hasRoom())
    while call.steps.step() { call.drain() }
    stream.onWritable { [calls] in calls.add(1) }
    while call.steps.step() {}
    #expect(calls.values == [1])
  }

  @Test func `nobody is called who did not ask`() {
    let stream = stream()
    for _ in 0..<70 { stream.sendEncoded([UInt8](repeating: 1, count: 1_000)) }
    while call.steps.step() {}
    call.drain()
    while call.steps.step() {}
    #expect(calls.values == [])
    #expect(stream.hasRoom())
  }

  @Test(arguments: [(65_530, true), (65_531, false), (65_532, false)])
  func `there is room below 64 KiB`(count: Int, isRoom: Bool) {
    let stream = stream()
    stream.sendEncoded([UInt8](repeating: 1, count: count))
    #expect(stream.hasRoom() == isRoom)
  }

  @Test func `the callback waits until less than 16 KiB wait`() {
    let stream = stream()
    for _ in 0..<5 { stream.sendEncoded([UInt8](repeating: 1, count: 16_379)) }
    #expect(!stream.hasRoom())
    while call.steps.step() {}
    call.steps.own {
      call.outbound?.pointee.consume(4 * 16_384)
      call.didDrain()
    }
    while call.steps.step() {}
    #expect(calls.values == [], "16,384 bytes wait")
    call.steps.own {
      call.outbound?.pointee.consume(1)
      call.didDrain()
    }
    while call.steps.step() {}
    #expect(calls.values == [1])
  }

  @Test func `a sender hears of the room that its connection had not`() {
    let gate = OutputGate()
    call.gate = gate
    let stream = stream()
    gate.close()
    #expect(!stream.hasRoom())
    #expect(!stream.hasRoom())
    while call.steps.step() {}
    #expect(calls.values == [])
    call.steps.own { gate.open() }
    while call.steps.step() {}
    #expect(calls.values == [1], "who asked twice is told once")
    #expect(stream.hasRoom())
  }

  @Test func `a gate that opens before it was waited for is no gate missed`() {
    let gate = OutputGate()
    call.gate = gate
    let stream = stream()
    gate.close()
    #expect(!stream.hasRoom())
    call.steps.own { gate.open() }
    while call.steps.step() {}
    #expect(calls.values == [1])
  }

  @Test(arguments: [false, true])
  func `nothing is encoded for a connection that holds enough, compressed or not`(compresses: Bool)
    async throws
  {
    let gate = OutputGate()
    call.gate = gate
    call.compresses = compresses
    gate.close()
    let writer = Task { [call] in
      try await ResponseStream<Number>(call).write(.with { $0.value = 1 << 40 })
    }
    while gate.length == 0 {
      _ = call.steps.step()
      await Task.yield()
    }
    #expect(call.outbound?.pointee.count == 0)
    call.steps.own { gate.open() }
    let pump = Task { [call] in
      while !Task.isCancelled {
        _ = call.steps.step()
        await Task.yield()
      }
    }
    try await writer.value
    pump.cancel()
    await pump.value
    #expect(call.outbound?.pointee.count == (compresses ? 10 : 12))
  }

  @Test func `calls that end at a closed gate do not lengthen its line`() {
    let gate = OutputGate()
    gate.close()
    for _ in 0..<1_000 {
      let call = QueuedCall()
      call.gate = gate
      call.steps.own {
        gate.wait(call)
        call.finish(nil)
      }
    }
    #expect(gate.length < 40)
    let last = QueuedCall()
    last.gate = gate
    let stream = ResponseStream<Number>(last).detach()
    while last.steps.step() {}
    stream.onWritable { [calls] in calls.add(1) }
    #expect(!stream.hasRoom())
    while last.steps.step() {}
    last.steps.own { gate.open() }
    while last.steps.step() {}
    #expect(calls.values == [1])
  }

  @Test func `a callback that is set after the end is not kept`() {
    final class Witness: Sendable {}
    let stream = stream()
    stream.finish()
    while call.steps.step() {}
    weak var seen: Witness?
    do {
      let witness = Witness()
      seen = witness
      stream.onWritable { _ = witness }
      while call.steps.step() {}
    }
    #expect(seen == nil)
  }

  @Test(.timeLimit(.minutes(1)))
  func `a reader on another thread that was cancelled before it waited does not wait`() async {
    let call = call
    let task = Task {
      while !Task.isCancelled { await Task.yield() }
      var messages = RequestStream<Number>(call).makeAsyncIterator()
      _ = try await messages.next()
    }
    task.cancel()
    let pump = Task {
      while !Task.isCancelled {
        _ = call.steps.step()
        await Task.yield()
      }
    }
    await #expect(throws: CancellationError.self) { try await task.value }
    pump.cancel()
  }
}
