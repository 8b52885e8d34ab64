public import Domain
public import Logging
public import Store

/// Moves rollouts on: takes the steps whose soak has ended, and stops the rollouts whose gates fail.
///
/// Each rollout is judged and changed in one transaction of its own, from what is stored, by the same rules and through the same
/// journal as an operator's call. So a tick may be repeated, interrupted or run twice: what was done is seen and not done again.
/// One automator per database.
public struct Automator: Sendable {
  /// What a tick did, for logs and tests.
  public struct Tick: Sendable, Hashable {
    /// Progressing rollouts that were looked at.
    public var judged = 0
    public var advanced = 0
    public var completed = 0
    public var paused = 0
    public var rolledBack = 0
    /// Rollouts that could not be judged or changed; the next tick tries again.
    public var failures: [RolloutID: String] = [:]

    public init() {}
  }

  /// Rollouts read at once.
  private static let pageSize = 100

  private let store: Store
  private let logger: Logger

  public init(store: Store, logger: Logger) {
    self.store = store
    self.logger = logger
  }

  /// Ticks until the Task is cancelled. A tick that fails as a whole is logged; the next one comes all the same.
  public func run(every interval: Duration, clock: @Sendable () -> Timestamp) async {
    while !Task.isCancelled {
      do {
        _ = try await tick(now: clock())
      } catch {
        logger.error("the automator's tick failed", metadata: ["error": "\(error)"])
      }
      // Cancelled while asleep: the loop ends.
      do { try await Task.sleep(for: interval) } catch { return }
    }
  }

  /// Goes once through all progressing rollouts.
  public func tick(now: Timestamp) async throws -> Tick {
    // Stored times are whole milliseconds; the same tick must compare equal to what it stored.
    let now = Timestamp(milliseconds: now.milliseconds)
    var tick = Tick()
    var last: RolloutID?
    while true {
      let page = try store.read { try Rollouts($0).progressing(after: last, limit: Self.pageSize) }
      for rollout in page {
        try Task.checkCancellation()
        tick.judged += 1
        do {
          count(try await step(rollout, now: now), in: &tick)
        } catch {
          tick.failures[rollout.id] = "\(error)"
          logger.error(
            "a rollout could not be moved on",
            metadata: ["rollout": "\(rollout.id)", "error": "\(error)"])
        }
      }
      guard page.count == Self.pageSize else { return tick }
      last = page.last?.id
    }
  }

  private func count(_ decision: AutoAdvance.Decision, in tick: inout Tick) {
    switch decision {
    case .advance: tick.advanced += 1
    case .complete: tick.completed += 1
    case .pause: tick.paused += 1
    case .rollBack: tick.rolledBack += 1
    case .hold: break
    }
  }

  /// Looks at a rollout with a read, and writes only when there is something to write.
  private func step(_ rollout: Rollout, now: Timestamp) async throws -> AutoAdvance.Decision {
    let (decision, isNews) = try store.read { transaction in
      let judgement = try RolloutJudgement(rollout, now: now, transaction)
      return (judgement.decision, judgement.isNews)
    }
    if case .hold = decision, !isNews { return decision }
    let decided = try await store.write { transaction in
      try RolloutJudgement.carryOut(rollout.id, org: rollout.org, now: now, transaction)
    }
    switch decided {
    case .hold: break
    default:
      logger.info(
        "rollout moved on", metadata: ["rollout": "\(rollout.id)", "decision": "\(decided.verb)"])
    }
    return decided
  }
}

extension AutoAdvance.Decision {
  /// The decision in a word, for logs.
  var verb: String {
    switch self {
    case .advance: "advance"
    case .complete: "complete"
    case .pause: "pause"
    case .rollBack: "roll back"
    case .hold: "hold"
    }
  }
}
