import API
import ProtoWire

/// Rollouts in words.
enum RolloutText {
  /// "Rollout 3: PROGRESSING at 5 % → PAUSED at 5 %."
  static func change(from before: Rollout, to after: Rollout?) -> String {
    guard let after else { return "Rollout \(before.number) is unchanged." }
    return "Rollout \(after.number): \(stand(before)) → \(stand(after))."
  }

  /// The last line of a watch.
  static func ending(_ rollout: Rollout) -> String {
    let why = rollout.stateReason.isEmpty ? "" : ": \(rollout.stateReason)"
    return "Rollout \(rollout.number) \(Words.text(rollout.state))\(why)."
  }

  static func details(_ rollout: Rollout, _ names: Names) async throws -> String {
    var facts = TextTable("ROLLOUT", String(rollout.number))
    facts.add("deployment", try await names.deployment(rollout.deploymentId))
    facts.add("id", rollout.id)
    facts.add("state", Words.state(rollout.state))
    facts.add("why", rollout.stateReason)
    facts.add("from version", try await names.version(rollout.fromVersionId))
    facts.add("to version", try await names.version(rollout.toVersionId))
    facts.add("exposure", Figures.percent(millionths: Int(rollout.exposureMillionths)))
    facts.add("steps", steps(rollout))
    facts.add("next step", Words.time(rollout.nextAdvanceAt))
    facts.add("started", Words.time(rollout.startedAt))
    facts.add("gates since", Words.time(rollout.windowStart))
    facts.add("ended", Words.time(rollout.endedAt))
    guard !rollout.gateVerdicts.isEmpty else { return facts.rendered() }
    return facts.rendered() + "\n\n" + gates(rollout.gateVerdicts)
  }

  static func gates(_ verdicts: [GateVerdict]) -> String {
    var table = TextTable("GATE", "VERDICT", "CANARY", "CONTROL", "SUMMARY")
    for verdict in verdicts {
      let hold = Words.text(verdict.holdReason)
      table.add(
        verdict.rule?.id ?? "", Words.state(verdict.outcome) + (hold.isEmpty ? "" : " (\(hold))"),
        arm(verdict.canary), arm(verdict.control), verdict.summary)
    }
    return table.rendered(width: Terminal.shared.tableWidth)
  }

  private static func arm(_ counts: GateVerdict.ArmCounts?) -> String {
    guard let counts else { return "" }
    return "\(counts.failingDevices) of \(counts.reportingDevices) failing"
  }

  /// "5 % (10 s), 25 % (10 s), [100 %]": the step it stands on in brackets.
  private static func steps(_ rollout: Rollout) -> String {
    (rollout.policy?.steps ?? []).enumerated().map { index, step in
      let soak = step.soak?.seconds ?? 0
      let text =
        Figures.percent(millionths: Int(step.exposureMillionths))
        + (soak > 0 ? " (\(Figures.span(seconds: soak)))" : "")
      return index == Int(rollout.stepIndex) ? "[\(text)]" : text
    }.joined(separator: ", ")
  }

  /// "PROGRESSING at 5 %".
  static func stand(_ rollout: Rollout) -> String {
    "\(Words.state(rollout.state)) at \(Figures.percent(millionths: Int(rollout.exposureMillionths)))"
  }
}
