public import Domain
public import Logging
public import Store

/// Moves rollouts on: takes the steps whose soak has ended, and stops the rollouts whose gates fail.
///
/// Each rollout is judged and changed in one transaction of its own, from what is stored, by the same rules and through the same
/// journal as an operator's call. So a tick may be repeated, interrupted or run twice: what was done is seen and not done again.
/// One automator per database.
public struct Automator: Job {
  /// What a tick did, for logs and tests.
  public struct Tick: Sendable, Hashable {
    /// Progressing rollouts that were looked at.
    public var judged = 0
    public var advanced = 0
    public var completed = 0
    public var paused = 0
    public var rolledBack = 0
    /// Rollouts that could not be read, judged or changed; the next tick tries again.
    public var failures: [RolloutID: String] = [:]

    public init() {}
  }

  /// Rollouts read at once.
  private static let pageSize = 100
  /// Changes that wait for the writer at once; it commits them together.
  private static let batchSize = 256

  public let name = "gates"
  public let period: Duration
  private let store: Store
  private let logger: Logger
  private let told = ToldOnce<RolloutID>()

  public init(store: Store, logger: Logger, period: Duration = .seconds(1)) {
    self.store = store
    self.logger = logger
    self.period = period
  }

  public func run(now: Timestamp) async throws { _ = try await tick(now: now) }

  /// A rollout for which there is something to write, and what it was judged by.
  private struct Due: Sendable {
    let rollout: Rollout
    let arms: RolloutJudgement.Arms
    let decision: AutoAdvance.Decision

    /// A failing gate does not wait for anybody's new counts.
    var urgency: Int {
      switch decision {
      case .pause, .rollBack: 0
      case .advance, .complete: 1
      case .hold: 2
      }
    }
  }

  /// Goes once through all progressing rollouts: looks at each with reads alone, then writes what there is to write, failing gates first
  /// and many in one commit. What is wrong with one rollout keeps no other from moving.
  public func tick(now: Timestamp) async throws -> Tick {
    try await store.settleClock()
    // Stored times are whole milliseconds; the same tick must compare equal to what it stored.
    let now = Timestamp(milliseconds: now.milliseconds)
    var tick = Tick()
    var due: [Due] = []
    var last: RolloutID?
    while true {
      try Task.checkCancellation()
      let page = try store.read { try Rollouts($0).progressing(after: last, limit: Self.pageSize) }
      for (id, found) in page {
        tick.judged += 1
        do {
          let rollout = try found.get()
          let arms = try store.telemetry.read {
            try RolloutHealth($0).arms(of: id, window: rollout.window)
          }
          let judgement = RolloutJudgement(rollout, arms, now: now)
          if case .hold = judgement.decision, !judgement.isNews { continue }
          due.append(Due(rollout: rollout, arms: arms, decision: judgement.decision))
        } catch {
          note(id, error, in: &tick)
        }
      }
      guard page.count == Self.pageSize else { break }
      last = page.last?.id
    }
    due.sort { $0.urgency < $1.urgency }
    for start in stride(from: 0, to: due.count, by: Self.batchSize) {
      try Task.checkCancellation()
      await carryOut(due[start...].prefix(Self.batchSize), now: now, in: &tick)
    }
    return tick
  }

  private func carryOut(_ batch: ArraySlice<Due>, now: Timestamp, in tick: inout Tick) async {
    let outcomes = await withTaskGroup(
      of: (RolloutID, Result<AutoAdvance.Decision, any Error>).self
    ) { group in
      for due in batch {
        group.addTask { [store] in
          do {
            let decision = try await store.write { transaction in
              try RolloutJudgement.carryOut(due.rollout, due.arms, now: now, transaction)
            }
            return (due.rollout.id, .success(decision))
          } catch {
            return (due.rollout.id, .failure(error))
          }
        }
      }
      return await group.reduce(into: []) { $0.append($1) }
    }
    for (id, outcome) in outcomes {
      do {
        let decision = try outcome.get()
        count(decision, in: &tick)
        if case .hold = decision { continue }
        logger.info(
          "rollout moved on", metadata: ["rollout": "\(id)", "decision": "\(decision.verb)"])
      } catch {
        note(id, error, in: &tick)
      }
    }
  }

  /// Counts a rollout that could not be moved on; the log tells of each once.
  private func note(_ id: RolloutID, _ error: any Error, in tick: inout Tick) {
    tick.failures[id] = "\(error)"
    guard told.insert(id) else { return }
    logger.error(
      "a rollout could not be moved on", metadata: ["rollout": "\(id)", "error": "\(error)"])
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
