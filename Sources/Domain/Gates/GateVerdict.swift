/// What a gate said about a rollout at one tick, with everything it said it from.
public struct GateVerdict: Hashable, Sendable {
  /// The judgement.
  public enum Outcome: String, CaseIterable, Hashable, Sendable {
    case pass = "PASS"
    case fail = "FAIL"
    case hold = "HOLD"
  }

  /// Why a verdict is HOLD.
  public enum HoldReason: String, CaseIterable, Hashable, Sendable {
    /// An arm that is compared has no reporting device.
    case noData = "NO_DATA"
    /// Too few devices, or the excess is within what chance explains.
    case insufficient = "INSUFFICIENT"
    /// A relative rule, and nothing fails in the control arm: any canary failure is infinitely worse.
    case zeroBaseline = "ZERO_BASELINE"
  }

  public let rule: GateRule
  public let outcome: Outcome
  /// Set iff `outcome` is hold.
  public let holdReason: HoldReason?
  public let canary: DeviceCounts
  public let control: DeviceCounts
  /// Millionths: the canary rate (absolute) or canary minus control rate; nil without data. Rounded to nearest.
  public let estimate: Int64?
  /// Millionths: the interval's lower end, rounded down.
  public let lower: Int64?
  /// Millionths: the interval's upper end, rounded up.
  public let upper: Int64?
  /// Millionths: what `estimate` must not exceed; nil while the baseline gives none. Rounded down.
  public let boundary: Int64?
  /// The most failing canary devices, of those that reported, that would have passed; nil without a boundary.
  public let passingFailures: Int?
  /// The data window: from where the rollout began to progress or was resumed last…
  public let windowStart: Timestamp
  /// …to the tick.
  public let decidedAt: Timestamp
  /// How often enough devices were judged with other counts than the time before, this time included.
  public let looks: Int

  public init(
    rule: GateRule, outcome: Outcome, holdReason: HoldReason?, canary: DeviceCounts,
    control: DeviceCounts, estimate: Int64?, lower: Int64?, upper: Int64?, boundary: Int64?,
    passingFailures: Int?, windowStart: Timestamp, decidedAt: Timestamp, looks: Int = 0
  ) {
    self.rule = rule
    self.outcome = outcome
    self.holdReason = holdReason
    self.canary = canary
    self.control = control
    self.estimate = estimate
    self.lower = lower
    self.upper = upper
    self.boundary = boundary
    self.passingFailures = passingFailures
    self.windowStart = windowStart
    self.decidedAt = decidedAt
    self.looks = looks
  }

  /// Millionths: the most that chance alone can have failed a harmless canary in all looks so far; see ``Gate``.
  public var alphaSpent: Int64 {
    let perLook = (1_000_000 - Int64(rule.confidence.millionths)) / 2
    let (spent, isBeyond) = Int64(looks).multipliedReportingOverflow(by: perLook)
    return isBeyond ? 1_000_000 : min(1_000_000, spent)
  }

  /// Whether two verdicts say the same about the same counts, whenever they were given.
  public func repeats(_ other: GateVerdict) -> Bool {
    rule == other.rule && outcome == other.outcome && holdReason == other.holdReason
      && canary == other.canary && control == other.control
  }

  /// One sentence for people.
  public var summary: String {
    func percent(_ millionths: Int64) -> String {
      let sign = millionths < 0 ? "-" : ""
      let hundredths = (abs(millionths) + 50) / 100
      let rest = String(hundredths % 100)
      return "\(sign)\(hundredths / 100).\(rest.count == 1 ? "0" : "")\(rest)%"
    }
    let arms =
      "\(canary.failing) of \(canary.reporting) canary devices failing"
      + (rule.comparison == .absolute
        ? "" : " against \(control.failing) of \(control.reporting) control devices")
    guard let estimate, let lower, let upper, let boundary else {
      return "\(rule.metric.rawValue) \(outcome.rawValue)"
        + (holdReason.map { " (\($0.rawValue))" } ?? "") + ": \(arms)"
    }
    let what = rule.comparison == .absolute ? "rate" : "difference"
    return "\(rule.metric.rawValue) \(outcome.rawValue)"
      + (holdReason.map { " (\($0.rawValue))" } ?? "")
      + ": \(arms); \(what) \(percent(estimate)) [\(percent(lower)), \(percent(upper))],"
      + " limit \(percent(boundary))"
  }
}
