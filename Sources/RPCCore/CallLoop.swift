public import ProtoWire
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The thread that owns calls, and the executor their handlers run on: a transport makes one per event loop.
///
/// Handlers start and resume on this thread, so reading a request and writing a response need neither a lock nor a hop.
open class CallLoop: TaskExecutor, @unchecked Sendable {
  // Unchecked: `sizes` is used on the owning thread alone.

  /// The owner, 0 for none. Only `DirectLoop` ever changes it.
  private let thread: Atomic<UInt>

  /// Scratch memory for encoding; loop only.
  public let sizes: UnsafeMutablePointer<WireSizes>

  /// The calling thread becomes the owner.
  public init() {
    thread = Atomic(CallLoop.currentThread)
    sizes = .allocate(capacity: 1)
    sizes.initialize(to: WireSizes())
  }

  deinit {
    sizes.deinitialize(count: 1)
    sizes.deallocate()
  }

  /// A loop that no thread owns yet.
  init(ownedByNobody: Void) {
    thread = Atomic(0)
    sizes = .allocate(capacity: 1)
    sizes.initialize(to: WireSizes())
  }

  /// Whether the caller runs on this loop's thread.
  public final var isCurrent: Bool {
    thread.load(ordering: .relaxed) == CallLoop.currentThread
  }

  /// The calling thread becomes the owner, or gives the loop up.
  final func setOwned(_ owned: Bool) {
    thread.store(owned ? CallLoop.currentThread : 0, ordering: .relaxed)
  }

  private static var currentThread: UInt { UInt(pthread_self()) }

  /// Runs a task's next piece on the thread. From the thread itself: later in the same turn.
  open func enqueue(_ job: consuming ExecutorJob) {
    fatalError("a CallLoop must override enqueue")
  }

  /// Runs `work` on the thread, later. From any thread, in order for each of them.
  open func execute(_ work: @escaping @Sendable () -> Void) {
    fatalError("a CallLoop must override execute")
  }

  /// Runs `work` now when called on the thread, else later.
  public final func run(_ work: @escaping @Sendable () -> Void) {
    if isCurrent { work() } else { execute(work) }
  }
}
