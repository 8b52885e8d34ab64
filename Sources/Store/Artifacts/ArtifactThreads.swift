/// Threads for file operations, which block: neither an event loop nor the cooperative pool may.
final class ArtifactThreads: Sendable {
  private struct State {
    var waiting: [@Sendable () -> Void] = []
    var isClosed = false
    var threads: [WorkerThread] = []
  }
  private let state = Monitor(State())

  init(count: Int) {
    let state = self.state
    let started = (0..<max(1, count)).map { index in
      WorkerThread(name: "artifact-\(index)") {
        while true {
          let next: (@Sendable () -> Void)?? = state.wait { state -> (@Sendable () -> Void)?? in
            if !state.waiting.isEmpty { return .some(state.waiting.removeFirst()) }
            return state.isClosed ? .some(nil) : nil
          }
          guard let work = next ?? nil else { return }
          work()
        }
      }
    }
    state.withLock { $0.threads = started }
  }

  deinit { close() }

  /// Runs `body` on one of the threads and returns its result.
  func perform<R: Sendable>(
    _ body: @escaping @Sendable () throws(ArtifactError) -> R
  ) async throws(ArtifactError) -> R {
    let result: Result<R, ArtifactError> = await withUnsafeContinuation { continuation in
      let isAccepted = state.withLock { state in
        guard !state.isClosed else { return false }
        state.waiting.append {
          do throws(ArtifactError) {
            continuation.resume(returning: .success(try body()))
          } catch {
            continuation.resume(returning: .failure(error))
          }
        }
        return true
      }
      guard isAccepted else { return continuation.resume(returning: .failure(.closed)) }
      state.signal()
    }
    return try result.get()
  }

  /// Finishes what waits, then ends the threads. Blocks. Idempotent.
  func close() {
    let threads = state.withLock { state in
      state.isClosed = true
      defer { state.threads = [] }
      return state.threads
    }
    state.broadcast()
    for thread in threads { thread.join() }
  }
}
