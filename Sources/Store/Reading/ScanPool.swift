internal import SQL
internal import Synchronization

/// Threads for reads without a bound: lists over a fleet, analyses, exports. Each has its own
/// connection; a cancelled scan is interrupted in the middle of its statement.
final class ScanPool: Sendable {
  private struct State {
    var waiting: [Scan] = []
    var isClosed = false
    var threads: [WorkerThread] = []
  }
  private let state = Monitor(State())
  private let limit: Int

  /// One queued scan; `run` answers its waiter whatever happens.
  final class Scan: Sendable {
    private struct Progress {
      var isCancelled = false
      var running: (any Interrupter)?
    }
    private let progress = Mutex(Progress())
    private let body: @Sendable (Result<Reader, any Error>) -> Void

    init(_ body: @escaping @Sendable (Result<Reader, any Error>) -> Void) { self.body = body }

    func run(_ reader: Result<Reader, any Error>) {
      let isCancelled = progress.withLock { progress in
        if !progress.isCancelled, case .success(let reader) = reader {
          progress.running = reader.interrupter
        }
        return progress.isCancelled
      }
      body(isCancelled ? .failure(CancellationError()) : reader)
    }

    /// Called by the scan's own body when it is done with the reader, before it answers.
    func finish() -> Bool {
      progress.withLock { progress in
        progress.running = nil
        return progress.isCancelled
      }
    }

    func cancel() {
      progress.withLock { progress in
        progress.isCancelled = true
        progress.running?.interrupt()
      }
    }
  }

  init(_ engine: any Engine, threads: Int, limit: Int) {
    self.limit = limit
    let state = self.state
    let started = (0..<max(1, threads)).map { index in
      WorkerThread(name: "store-scan-\(index)") {
        var reader: Reader?
        while true {
          let scan: Scan? =
            state.wait { state -> Scan?? in
              if !state.waiting.isEmpty { return .some(state.waiting.removeFirst()) }
              return state.isClosed ? .some(nil) : nil
            } ?? nil
          guard let scan else { break }
          do {
            let open = try reader ?? Reader(engine)
            reader = open
            scan.run(.success(open))
          } catch {
            scan.run(.failure(error))
          }
        }
        reader?.close()
      }
    }
    state.withLock { $0.threads = started }
  }

  func enqueue(_ scan: Scan) throws(StoreError) {
    let refusal: StoreError? = state.withLock { state in
      if state.isClosed { return .closed }
      if state.waiting.count >= limit {
        return .overloaded(waiting: state.waiting.count, limit: limit)
      }
      state.waiting.append(scan)
      return nil
    }
    if let refusal { throw refusal }
    state.signal()
  }

  /// Finishes the waiting scans, then ends the threads. Blocks.
  func close() {
    let threads = state.withLock { state in
      state.isClosed = true
      return state.threads
    }
    state.broadcast()
    for thread in threads { thread.join() }
  }
}
