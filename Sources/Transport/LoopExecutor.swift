public import NIOCore
public import RPCCore
import Synchronization

/// Runs tasks on the thread of an event loop, without its task queue: what becomes ready in a turn runs at the end of that turn, then output is flushed, until
/// neither is left or the turn has taken its time. Then the sockets have theirs, before the rest goes on.
///
/// Must be made on its event loop's thread.
public final class LoopExecutor: CallLoop, @unchecked Sendable {
  // Unchecked: everything but `mailbox` belongs to the loop's thread.

  public let eventLoop: any EventLoop

  private enum Item {
    case job(UnownedJob)
    case work(@Sendable () -> Void)
  }

  private struct Mailbox {
    var items: [Item] = []
    var isScheduled = false
  }

  /// What other threads bring.
  private let mailbox = Mutex(Mailbox())
  @exclusivity(unchecked) private var incoming: [Item] = []

  @exclusivity(unchecked) private var ready: [Item] = []
  @exclusivity(unchecked) private var running: [Item] = []
  @exclusivity(unchecked) private var dirty: [ServerConnection] = []
  @exclusivity(unchecked) private var flushing: [ServerConnection] = []
  @exclusivity(unchecked) private var isInTurn = false
  @exclusivity(unchecked) private var isDraining = false
  @exclusivity(unchecked) private var isDrainScheduled = false
  /// A turn has taken its time: what is left waits until the sockets have been served.
  @exclusivity(unchecked) private var isResting = false

  @exclusivity(unchecked) private var timers: TimerWheel
  @exclusivity(unchecked) private var nextLook: Int64?
  @exclusivity(unchecked) private var endOfTurn: [() -> Void] = []

  /// The present moment as of the start of this turn, in nanoseconds.
  @exclusivity(unchecked) public private(set) var now: Int64

  /// What the owners of the loop's connections share; theirs to set.
  public var companion: AnyObject?

  /// Shared by the loop's connections: bytes on their way to a socket.
  @exclusivity(unchecked) var output: ByteBuffer

  /// How long pieces run in one turn before sockets get their chance again, in nanoseconds; and how many run between two looks at
  /// the clock.
  private static let turnTime: Int64 = 5_000_000
  private static let piecesPerLook = 4
  /// An event loop runs what is due before it looks at its sockets, over and over: what shall come after them is due a little later.
  private static let rest: TimeAmount = .microseconds(20)

  public init(_ eventLoop: any EventLoop) {
    eventLoop.preconditionInEventLoop()
    self.eventLoop = eventLoop
    now = Deadline.now.nanoseconds
    timers = TimerWheel(now: now)
    output = ByteBufferAllocator().buffer(capacity: 64 * 1024)
    super.init()
    ready.reserveCapacity(256)
    running.reserveCapacity(256)
  }

  // MARK: Executor

  public override func enqueue(_ job: consuming ExecutorJob) {
    add(.job(UnownedJob(job)))
  }

  public override func execute(_ work: @escaping @Sendable () -> Void) {
    add(.work(work))
  }

  private func add(_ item: Item) {
    if isCurrent {
      ready.append(item)
      if !isInTurn { scheduleDrain() }
      return
    }
    let mustWake = mailbox.withLock { mailbox in
      mailbox.items.append(item)
      defer { mailbox.isScheduled = true }
      return !mailbox.isScheduled
    }
    if mustWake { eventLoop.execute { self.readMailbox() } }
  }

  private func readMailbox() {
    mailbox.withLock { mailbox in
      swap(&mailbox.items, &incoming)
      mailbox.isScheduled = false
    }
    ready.append(contentsOf: incoming)
    incoming.removeAll(keepingCapacity: incoming.count < 4096)
    drain()
  }

  private func scheduleDrain() {
    guard !isDrainScheduled else { return }
    isDrainScheduled = true
    eventLoop.execute {
      self.isDrainScheduled = false
      self.drain()
    }
  }

  // MARK: Turns

  /// The event loop enters code of a connection; `drain` ends what this begins.
  func beginTurn() {
    guard !isInTurn else { return }
    isInTurn = true
    now = Deadline.now.nanoseconds
  }

  /// A connection has output.
  func markDirty(_ connection: ServerConnection) {
    dirty.append(connection)
    if !isInTurn { scheduleDrain() }
  }

  /// Runs what is ready and flushes what is dirty until nothing is left or the turn has taken its time.
  func drain() {
    guard !isDraining else { return }
    beginTurn()
    isDraining = true
    let end = now + LoopExecutor.turnTime
    var isOver = isResting
    while !isOver, !ready.isEmpty || !dirty.isEmpty {
      isOver = !ready.isEmpty && runReady(until: end)
      flushDirty()
    }
    flushDirty()
    isDraining = false
    isInTurn = false
    if !ready.isEmpty || !dirty.isEmpty { rest() }
  }

  /// Runs what is ready, and what becomes ready by that; true when the time was up before all had run.
  private func runReady(until end: Int64) -> Bool {
    let executor = asUnownedTaskExecutor()
    var count = 0
    while !ready.isEmpty {
      swap(&ready, &running)
      for index in running.indices {
        switch running[index] {
        case .job(let job): job.runSynchronously(on: executor)
        case .work(let work): work()
        }
        count += 1
        if count % LoopExecutor.piecesPerLook == 0, Deadline.now.nanoseconds >= end {
          ready.insert(contentsOf: running[(index + 1)...], at: 0)
          running.removeAll(keepingCapacity: running.count < 4096)
          return true
        }
      }
      running.removeAll(keepingCapacity: running.count < 4096)
    }
    return Deadline.now.nanoseconds >= end
  }

  private func flushDirty() {
    guard !dirty.isEmpty else { return }
    swap(&dirty, &flushing)
    for connection in flushing { connection.flushDirty() }
    flushing.removeAll(keepingCapacity: true)
  }

  /// Goes on once the sockets that are ready have been served.
  private func rest() {
    guard !isResting else { return }
    isResting = true
    let next = eventLoop.assumeIsolated().scheduleTask(in: LoopExecutor.rest) {
      self.isResting = false
      self.drain()
    }
    // A loop that ends runs nothing later: what waits runs now.
    next.futureResult.whenFailure { _ in
      self.isResting = false
      self.drain()
    }
  }

  /// Runs `work` once, when the sockets that are ready now have been served.
  public func atEndOfTurn(_ work: @escaping () -> Void) {
    endOfTurn.append(work)
    guard endOfTurn.count == 1 else { return }
    eventLoop.assumeIsolated().execute {
      let pending = self.endOfTurn
      self.endOfTurn = []
      for work in pending { work() }
    }
  }

  // MARK: Deadlines

  /// Calls `payload.deadlinePassed()` once `deadline` has passed, unless disarmed before.
  public func arm(_ payload: any DeadlineOwner, at deadline: Int64) -> TimerWheel.Timer {
    let timer = timers.arm(payload, at: deadline)
    if nextLook == nil || deadline < nextLook! { scheduleLook() }
    return timer
  }

  public func disarm(_ timer: TimerWheel.Timer) { timers.disarm(timer) }

  private func scheduleLook() {
    guard let look = timers.nextLook else { return nextLook = nil }
    if let nextLook, nextLook <= look { return }
    nextLook = look
    eventLoop.assumeIsolated().scheduleTask(deadline: .uptimeNanoseconds(UInt64(max(0, look)))) {
      self.look(look)
    }
  }

  private func look(_ scheduled: Int64) {
    // An earlier look may have replaced this one.
    guard nextLook == scheduled else { return }
    nextLook = nil
    beginTurn()
    now = Deadline.now.nanoseconds
    while let due = timers.expire(now: now) {
      (due as? any DeadlineOwner)?.deadlinePassed()
    }
    drain()
    scheduleLook()
  }
}

/// What a deadline can be armed for.
public protocol DeadlineOwner: AnyObject {
  /// The deadline has passed; its timer is gone. On the loop.
  func deadlinePassed()
}
