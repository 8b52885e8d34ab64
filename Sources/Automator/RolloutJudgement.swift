internal import Domain
internal import Store

/// One rollout at one tick: its verdicts, what follows from them, and the carrying out.
struct RolloutJudgement {
  let rollout: Rollout
  let verdicts: [GateVerdict]
  let decision: AutoAdvance.Decision

  /// How the two sides of a rollout fare.
  typealias Arms = (canary: ArmHealth, control: ArmHealth)

  /// Judges by what devices have reported.
  init(_ rollout: Rollout, _ arms: Arms, now: Timestamp) {
    self.rollout = rollout
    verdicts = rollout.policy.gates.map { gate in
      Gate.judge(
        gate, canary: arms.canary, control: arms.control,
        windowStart: rollout.windowStart ?? rollout.createdAt, now: now,
        previous: rollout.verdicts.first { $0.rule == gate })
    }
    let decision = AutoAdvance.decide(rollout, verdicts: verdicts, now: now)
    switch decision {
    case .advance, .complete:
      // Without a soak a step is due at once. It still takes a tick of its own, so that a tick that is repeated does nothing.
      self.decision =
        rollout.exposureChangedAt == now
        ? .hold(.soaking(until: rollout.exposureChangedAt)) : decision
    case .pause, .rollBack, .hold:
      self.decision = decision
    }
  }

  /// Whether the verdicts say anything that the stored ones do not.
  var isNews: Bool {
    guard verdicts.count == rollout.verdicts.count else { return true }
    return !zip(verdicts, rollout.verdicts).allSatisfy { $0.repeats($1) }
  }

  /// Whether a gate changed its mind, counts apart.
  private var changesOutcome: Bool {
    let before = rollout.verdicts.map { ($0.rule.id, $0.outcome) }
    let after = verdicts.map { ($0.rule.id, $0.outcome) }
    return before.count != after.count || !zip(before, after).allSatisfy { $0 == $1 }
  }

  /// Judges again within the writer's transaction, which alone sees the rollout's newest state, and does what follows.
  ///
  /// The reports are those of before: the writer does not wait for telemetry. A rollout that was resumed meanwhile counts anew, and is
  /// left to the next tick.
  static func carryOut(
    _ seen: Rollout, _ arms: Arms, now: Timestamp, _ transaction: WriteTransaction
  ) throws -> AutoAdvance.Decision {
    // What was due by a clock that has been set meanwhile may be so no more.
    let now = min(now, Timestamp(milliseconds: transaction.nowMilliseconds))
    let org = seen.org
    guard let stored = try Rollouts(transaction).find(seen.id, org: org),
      stored.window == seen.window,
      let deployment = try Deployments(transaction).find(stored.deployment, org: org),
      deployment.state == .active
    else { return .hold(.notProgressing) }
    let judgement = RolloutJudgement(stored, arms, now: now)
    var judged = stored
    judged.verdicts = judgement.verdicts
    try judgement.carryOut(on: judged, of: deployment, now: now, transaction)
    return judgement.decision
  }

  private func carryOut(
    on judged: Rollout, of deployment: Deployment, now: Timestamp, _ transaction: WriteTransaction
  ) throws {
    let name = deployment.name
    let number = judged.number
    switch decision {
    case .advance:
      let next = try RolloutPlan.advance(judged, now: now)
      _ = try journal("auto-advance", transaction).step(
        next, replacing: rollout, of: deployment, now: now,
        .init("advanced", message: "rollout \(number) of \(name) advanced to \(next.exposure)"))
    case .complete:
      _ = try journal("auto-advance", transaction).step(
        try RolloutPlan.complete(judged, now: now), replacing: rollout, of: deployment, now: now,
        .init("completed", message: "rollout \(number) of \(name) completed"))
    case .pause(let verdict):
      _ = try journal("gate \(verdict.rule.id)", transaction).step(
        try RolloutPlan.pause(judged, reason: verdict.summary, now: now), replacing: rollout,
        of: deployment, now: now,
        .init(
          "paused", attributes: verdict.attributes,
          message: "gate \(verdict.rule.id) paused rollout \(number) of \(name)"))
    case .rollBack(let verdict):
      let outcome = try DeploymentPlan.rollBack(
        deployment, rollout: judged, reason: verdict.summary, now: now)
      guard let rolledBack = outcome.rollout else { return }
      let journal = journal("gate \(verdict.rule.id)", transaction)
      let message = "gate \(verdict.rule.id) rolled back rollout \(number) of \(name)"
      let updated = try journal.update(
        rolledBack, replacing: rollout, of: outcome.deployment,
        .init("rolled_back", attributes: verdict.attributes, message: message))
      _ = try journal.update(
        outcome.deployment, replacing: deployment, rollout: updated,
        .init("rolled_back", attributes: verdict.attributes, message: message))
    case .hold:
      if changesOutcome {
        let attributes = verdicts.reduce(into: [:]) {
          $0["gate_\($1.rule.id)"] = $1.outcome.rawValue
        }
        _ = try journal("gates", transaction).update(
          judged, replacing: rollout, of: deployment,
          .init(
            "judged", attributes: attributes,
            message: verdicts.map(\.summary).joined(separator: "; ")))
      } else if isNews {
        try Rollouts(transaction).updateVerdicts(judged)
      }
    }
  }

  private func journal(_ rule: String, _ transaction: WriteTransaction) -> DeploymentJournal {
    DeploymentJournal(
      transaction, author: EventAuthor(actor: "automator", method: "automator/\(rule)"))
  }
}

extension GateVerdict {
  /// What an event says about the verdict that caused it.
  var attributes: [String: String] {
    var attributes = [
      "gate_id": rule.id.rawValue, "gate_outcome": outcome.rawValue, "gate_summary": summary,
      "canary_failing": String(canary.failing), "canary_reporting": String(canary.reporting),
      "control_failing": String(control.failing),
      "control_reporting": String(control.reporting),
    ]
    if let passingFailures { attributes["passing_failures"] = String(passingFailures) }
    return attributes
  }
}
