internal import SQL

/// Keeps the write-ahead log short, on a thread of its own: no commit copies pages back, and none waits longer for it than it takes to
/// copy the last few and for readers to end what they read.
///
/// How long the log can get: what is written while the longest scan runs, on top of ``CheckpointPlan/Options/quietAt``.
final class Checkpointer: Sendable {
  private struct State {
    var plan: CheckpointPlan
    /// Pages in the log after the newest commit.
    var pages = 0
    /// There was a commit since the plan was last asked.
    var isNew = false
    /// What the thread is to do next.
    var step: CheckpointPlan.Step?
    var isWorking = false
    var isClosed = false

    /// What is to be done, if there is anything.
    mutating func next() -> CheckpointPlan.Step? {
      guard isNew else { return nil }
      isNew = false
      return plan.next(pages: pages)
    }
    /// Who waits for a moment at which there is nothing to do.
    var waiters: [@Sendable () -> Void] = []
  }

  private enum Turn {
    case take(CheckpointPlan.Step)
    case tell([@Sendable () -> Void])
    case end
  }

  private let state: Monitor<State>
  private let thread: WorkerThread

  /// `report` is told when checkpoints begin to fail and, with nil, when one succeeds again.
  init(
    _ engine: any Engine, _ turns: WriteTurns, _ scans: ScanPool, _ options: CheckpointPlan.Options,
    report: @escaping @Sendable (String?) -> Void
  ) {
    let state = Monitor(State(plan: CheckpointPlan(options)))
    self.state = state
    thread = WorkerThread(name: "store-ckpt") {
      let worker = CheckpointWorker(engine, turns, scans, report: FailureReport(report))
      while let turn = state.wait(Self.turn) {
        switch turn {
        case .take(let step):
          let outcome = worker.take(step)
          state.withLock { state in
            let pages = max(state.pages, outcome?.logPages ?? 0)
            state.plan.took(step, pages: pages)
            // A commit that is in the log already, and not told of yet, comes after this.
            if state.pages < pages { state.isNew = false }
            state.isWorking = false
          }
        case .tell(let waiters): for waiter in waiters { waiter() }
        case .end: return worker.close()
        }
      }
    }
  }

  private static func turn(_ state: inout State) -> Turn? {
    if !state.isClosed, let step = state.step ?? state.next() {
      state.step = nil
      state.isWorking = true
      return .take(step)
    }
    if !state.waiters.isEmpty {
      defer { state.waiters = [] }
      return .tell(state.waiters)
    }
    return state.isClosed ? .end : nil
  }

  /// Calls back once what the last commit left has been seen to; for tests. Not after closing.
  func whenSettled(_ body: @escaping @Sendable () -> Void) {
    state.withLock { $0.waiters.append(body) }
    state.signal()
  }

  /// A commit left so many pages in the log. Called by the writer; costs a lock, and wakes the thread only when there is something
  /// to do.
  func committed(pages: Int) {
    let isDue = state.withLock { state in
      state.pages = pages
      state.isNew = true
      guard !state.isWorking, state.step == nil, let step = state.next() else { return false }
      state.step = step
      return true
    }
    if isDue { state.signal() }
  }

  /// Ends the thread after its current step. Blocks.
  func close() {
    state.withLock { $0.isClosed = true }
    state.broadcast()
    thread.join()
  }
}

/// The checkpointer's single-threaded part. Confined to its thread.
private final class CheckpointWorker {
  private let engine: any Engine
  private let turns: WriteTurns
  private let scans: ScanPool
  private let report: FailureReport
  private var connection: Connection?

  init(_ engine: any Engine, _ turns: WriteTurns, _ scans: ScanPool, report: FailureReport) {
    self.engine = engine
    self.turns = turns
    self.scans = scans
    self.report = report
  }

  func close() { connection?.close() }

  /// What the last checkpoint of the step came to; nil when it failed.
  func take(_ step: CheckpointPlan.Step) -> Checkpoint? {
    do {
      let connection = try self.connection ?? Connection(engine, .checkpoint)
      self.connection = connection
      var outcome = Result { try connection.checkpoint(.passive) }
      switch step {
      case .copy: break
      case .restart:
        // A view that is older than what could not be copied keeps the log as it is: barring the writer would be in vain.
        if let copied = try outcome.get(), copied.logPages - copied.copiedPages <= Self.nearlyAll {
          restart(connection, &outcome)
        }
      case .restartWithoutScans:
        scans.whileQuiet {
          // What was written while the scans ended.
          outcome = Result { try connection.checkpoint(.passive) }
          restart(connection, &outcome)
        }
      }
      let checkpoint = try outcome.get()
      report.note(nil)
      return checkpoint
    } catch {
      connection?.close()
      connection = nil
      report.note(error)
      return nil
    }
  }

  /// Pages that loops and the writer leave uncopied, whose views are as old as a turn.
  private static let nearlyAll = 256

  private func restart(_ connection: Connection, _ outcome: inout Result<Checkpoint?, any Error>) {
    guard case .success = outcome else { return }
    turns.whileBarred { outcome = Result { try connection.checkpoint(.restart) } }
  }
}
