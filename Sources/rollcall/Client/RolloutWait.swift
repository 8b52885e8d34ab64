import API

/// What keeps a progressing rollout from its next step, and what can be done about it.
struct RolloutWait: Equatable, Sendable {
  /// In a few words, for a progress line: "gate error-rate: 3 of 5 devices".
  let short: String
  /// In a sentence.
  let why: String
  /// What to do.
  let next: String

  /// Nil while nothing is due, or nothing keeps it. `verdicts` are the newest of its gates, `due` whether the soak is over.
  init?(_ rollout: Rollout, verdicts: [GateVerdict], isDue: Bool, name: String) {
    guard rollout.state == .progressing, let policy = rollout.policy else { return nil }
    let advance = "rollcall rollouts advance \(name)"
    guard policy.autoAdvance else {
      (short, why) = ("an operator", "The policy leaves each step to an operator.")
      next = advance
      return
    }
    guard isDue else { return nil }
    guard let verdict = verdicts.first(where: { $0.outcome == .hold }) else {
      guard verdicts.count < policy.gates.count else { return nil }
      (short, why) = ("its gates", "The gates have not been judged yet.")
      next = "wait for the server's next look"
      return
    }
    let gate = verdict.rule?.id ?? ""
    let (canary, control) = (verdict.canary ?? .init(), verdict.control ?? .init())
    // The schema: 0 means 5.
    let minimum = (verdict.rule?.minimumDevices).map { $0 == 0 ? 5 : $0 } ?? 5
    let compares = ![.absolute, .unspecified].contains(verdict.rule?.comparison ?? .absolute)
    let anyway = "\(advance) takes the step all the same"
    switch verdict.holdReason {
    case .zeroBaseline:
      short = "gate \(gate): nothing to compare with"
      why =
        "Gate \(gate) compares with the old version, where nothing fails, and \(canary.failingDevices)"
        + " of \(canary.reportingDevices) devices fail with the new one."
      next = anyway
    case .noData, .insufficient, .unspecified, .unrecognized:
      let lacking =
        canary.reportingDevices < minimum
        ? (canary.reportingDevices, "new")
        : compares && control.reportingDevices < minimum ? (control.reportingDevices, "old") : nil
      if let (reporting, side) = lacking {
        short = "gate \(gate): \(reporting) of \(minimum) devices"
        why =
          "Gate \(gate) needs reports of \(minimum) devices on the \(side) version; \(reporting) have"
          + " reported."
        next = "wait for them, or pin devices to a side; \(anyway)"
      } else {
        short = "gate \(gate): not sure yet"
        why =
          "Gate \(gate) cannot tell yet: \(canary.failingDevices) of \(canary.reportingDevices) devices"
          + " fail, more than allowed, and chance may explain it."
        next = "wait for more devices; \(anyway)"
      }
    }
  }
}
