internal import Synchronization

/// One closure on its way through the writer.
protocol WriteJob: AnyObject, Sendable {
  /// What the closure changes is undone, whatever comes of it.
  var isRehearsal: Bool { get }
  /// The writer takes the job; false when it was cancelled before.
  func start() -> Bool
  /// Runs the closure on the writer thread; throws what the closure throws. A second time when
  /// another closure took the first one's transaction with it.
  func run(_ transaction: WriteTransaction) throws
  /// The closure failed and was rolled back, or its commit failed: tells whoever waits.
  func fail(_ error: any Error)
  /// The commit is durable: tells whoever waits.
  func succeed()
}

/// What becomes of a closure whose caller waits.
private enum AwaitedState: UInt8, AtomicRepresentable {
  case created, queued, running, cancelled
}

/// A closure whose caller waits in a Task.
///
/// `@unchecked Sendable`: `state` decides who may touch the rest. The writer thread owns the job
/// from `running` on; a cancellation owns it only when it moved the job there from `queued`.
final class AwaitedWrite: WriteJob, @unchecked Sendable {
  private let state = Atomic<AwaitedState>(.created)
  private let body: @Sendable (WriteTransaction) throws -> Void
  @exclusivity(unchecked) private var continuation: UnsafeContinuation<Void, any Error>?
  let isRehearsal: Bool

  init(isRehearsal: Bool, _ body: @escaping @Sendable (WriteTransaction) throws -> Void) {
    self.isRehearsal = isRehearsal
    self.body = body
  }

  /// Gives the job its waiter; false when the Task was cancelled before.
  func arm(_ continuation: UnsafeContinuation<Void, any Error>) -> Bool {
    self.continuation = continuation
    return state.compareExchange(
      expected: .created, desired: .queued, ordering: .acquiringAndReleasing
    ).exchanged
  }

  /// The waiter's Task was cancelled: a job that has not started is given up at once; one that has
  /// runs to its end, because its commit may already be under way.
  func cancel() {
    if state.compareExchange(
      expected: .created, desired: .cancelled, ordering: .acquiringAndReleasing
    ).exchanged {
      return  // `arm` will refuse, and its caller resumes
    }
    if state.compareExchange(
      expected: .queued, desired: .cancelled, ordering: .acquiringAndReleasing
    ).exchanged {
      continuation?.resume(throwing: CancellationError())
    }
  }

  func start() -> Bool {
    state.compareExchange(expected: .queued, desired: .running, ordering: .acquiringAndReleasing)
      .exchanged
  }

  func run(_ transaction: WriteTransaction) throws { try body(transaction) }

  func fail(_ error: any Error) {
    continuation?.resume(throwing: StoreError.translating(error))
  }

  func succeed() { continuation?.resume() }
}

/// What a closure returned on the writer thread, for whoever awaits the commit. Generic code knows the type of it here, where the
/// job needs not.
///
/// `@unchecked Sendable`: written by the writer thread, read after the commit was awaited.
@usableFromInline
final class WriteResult<Value: Sendable>: @unchecked Sendable {
  @exclusivity(unchecked) @usableFromInline var value: Value?

  @inlinable init() {}

  /// The result, after a commit: a closure has run to its end then.
  @inlinable
  func taken() throws(StoreError) -> Value {
    guard let value else { throw .failure("a write was acknowledged without a result") }
    return value
  }
}

/// A closure of the store's own that nobody awaits: flushes and housekeeping.
final class InternalWrite: WriteJob {
  let isRehearsal = false
  private let body: @Sendable (WriteTransaction) throws -> Void
  private let completion: @Sendable ((any Error)?) -> Void

  init(
    _ body: @escaping @Sendable (WriteTransaction) throws -> Void,
    completion: @escaping @Sendable ((any Error)?) -> Void
  ) {
    self.body = body
    self.completion = completion
  }

  func start() -> Bool { true }
  func run(_ transaction: WriteTransaction) throws { try body(transaction) }
  func fail(_ error: any Error) { completion(StoreError.translating(error)) }
  func succeed() { completion(nil) }
}
