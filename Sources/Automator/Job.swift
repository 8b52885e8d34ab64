public import Domain
public import Logging
internal import Synchronization

/// Work with a period of its own that nobody asks for: gates, sweeps.
///
/// A run may be repeated or interrupted: what was done is seen and not done again. What is wrong with one item of it is told of, and keeps
/// no other from being done; an error that is thrown means that the run as a whole did not work.
public protocol Job: Sendable {
  /// For the log.
  var name: String { get }
  /// From the end of one run to the beginning of the next.
  var period: Duration { get }
  func run(now: Timestamp) async throws
}

/// Runs jobs, each in its own time: none waits for another.
public struct Jobs: Sendable {
  private let jobs: [any Job]
  private let logger: Logger

  public init(_ jobs: [any Job], logger: Logger) {
    self.jobs = jobs
    self.logger = logger
  }

  /// Runs them until the Task is cancelled. A run that fails as a whole is logged; the next one comes all the same.
  public func run(clock: @escaping @Sendable () -> Timestamp) async {
    await withTaskGroup(of: Void.self) { group in
      for job in jobs {
        group.addTask { [logger] in
          while !Task.isCancelled {
            do {
              try await job.run(now: clock())
            } catch is CancellationError {
              return
            } catch {
              logger.error(
                "a job failed", metadata: ["job": "\(job.name)", "error": "\(error)"])
            }
            // Cancelled while asleep: the loop ends.
            do { try await Task.sleep(for: job.period) } catch { return }
          }
        }
      }
    }
  }
}

/// What the log has told of; beyond a thousand it tells no more.
final class ToldOnce<ID: Hashable & Sendable>: Sendable {
  private let known = Mutex<Set<ID>>([])

  /// Whether `id` is new.
  func insert(_ id: ID) -> Bool { known.withLock { $0.count < 1_000 && $0.insert(id).inserted } }
}
