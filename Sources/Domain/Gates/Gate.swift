/// Judges a rollout by its devices.
///
/// A gate FAILs when the canary is worse than allowed and chance does not explain it; it PASSes when the canary is within
/// what is allowed; between the two it HOLDs, and nothing advances until more devices have reported.
///
/// ```
/// rate_c = failing_c / reporting_c                        canary arm
/// rate_0 = failing_0 / reporting_0                        control arm
///
///                 estimate            interval                               boundary
/// absolute        rate_c              Wilson score (1927)                    threshold
/// difference      rate_c − rate_0     Newcombe hybrid score (1998), no. 10   threshold
/// relative        rate_c − rate_0     the same                               threshold × rate_0
///
/// FAIL  iff lower > boundary
/// PASS  iff estimate ≤ boundary
/// HOLD  otherwise (INSUFFICIENT)
/// ```
///
/// Before that: an arm that is compared and has no reporting device → HOLD(NO_DATA); only one → HOLD(INSUFFICIENT) without figures,
/// for one device is no sample; fewer than `minimumDevices` → HOLD(INSUFFICIENT); relative with rate_0 = 0 → PASS if
/// rate_c = 0, else HOLD(ZERO_BASELINE).
///
/// Rounding to millionths is to the careful side: estimate to nearest, lower end and boundary down, upper end up; the verdict is
/// taken on the rounded numbers, so that the stored verdict explains itself.
///
/// A judgement of enough devices with other counts than the last one is one look, and looks are not corrected for. What they cost is
/// said instead: each spends the one tail in which it can fail, and by Boole's inequality a harmless canary, one exactly at the
/// boundary, has failed by now with at most
///
/// ```
/// alpha spent = min(1, looks × (1 − confidence) / 2)
/// ```
///
/// - 95 %: 1 look → 2.5 %, 4 looks → 10 %, 40 looks and more → 100 %: the bound says nothing any more
/// - 99 %: 4 looks → 2 %
/// - 99.9 %: 4 looks → 0.2 %
///
/// 99 % or more is the confidence to choose for a gate whose action is ROLLBACK.
///
/// 95 %, threshold 5 % (50_000), at least 5 devices:
/// - difference, canary 10/10, control 0/190 → estimate 1_000_000, lower 721_760 > 50_000 → FAIL; 0 failures would have passed
/// - difference, canary 2/10, control 0/190 → estimate 200_000, lower 55_318 → FAIL
/// - difference, canary 1/10, control 0/190 → estimate 100_000 > 50_000, lower 15_518 ≤ 50_000 → HOLD(INSUFFICIENT)
/// - difference, canary 0/10, control 0/190 → estimate 0 → PASS
/// - difference, canary 3/4, control 0/190 → too few devices → HOLD(INSUFFICIENT)
/// - difference, canary 1/1, control 0/190 → HOLD(INSUFFICIENT), no estimate and no interval
/// - difference, canary 0/0 → HOLD(NO_DATA)
/// - relative, threshold 100 % (1_000_000), canary 20/100, control 5/100 → boundary 50_000, estimate 150_000, lower 59_153 → FAIL;
///   10 failures would have passed
/// - relative, canary 1/10, control 0/190 → HOLD(ZERO_BASELINE)
public enum Gate {
  /// The verdict of one rule on one rollout. `previous`: what the rule said the last time, nil the first time.
  public static func judge(
    _ rule: GateRule, canary: ArmHealth, control: ArmHealth, windowStart: Timestamp, now: Timestamp,
    previous: GateVerdict? = nil
  ) -> GateVerdict {
    judge(
      rule, canary: canary.counts(of: rule.metric), control: control.counts(of: rule.metric),
      windowStart: windowStart, now: now, previous: previous)
  }

  /// The verdict of one rule on two arms' device counts.
  public static func judge(
    _ rule: GateRule, canary: DeviceCounts, control: DeviceCounts, windowStart: Timestamp,
    now: Timestamp, previous: GateVerdict? = nil
  ) -> GateVerdict {
    let comparesControl = rule.comparison != .absolute
    let smallest = comparesControl ? min(canary.reporting, control.reporting) : canary.reporting
    let isEnough = smallest >= max(rule.minimumDevices, GateRule.leastMinimumDevices)
    let before = previous.flatMap { $0.rule == rule ? $0 : nil }
    let isNew = before.map { $0.canary != canary || $0.control != control } ?? true
    let looks = (before?.looks ?? 0) + (isEnough && isNew ? 1 : 0)
    func verdict(
      _ outcome: GateVerdict.Outcome, _ reason: GateVerdict.HoldReason? = nil,
      _ numbers: Numbers? = nil
    ) -> GateVerdict {
      GateVerdict(
        rule: rule, outcome: outcome, holdReason: reason, canary: canary, control: control,
        estimate: numbers?.estimate, lower: numbers?.lower, upper: numbers?.upper,
        boundary: numbers?.boundary, passingFailures: numbers?.passingFailures,
        windowStart: windowStart, decidedAt: now, looks: looks)
    }
    guard
      let canaryRate = ScoreInterval(
        count: canary.failing, of: canary.reporting, confidence: rule.confidence)
    else { return verdict(.hold, .noData) }
    let controlRate = ScoreInterval(
      count: control.failing, of: control.reporting, confidence: rule.confidence)
    if comparesControl && controlRate == nil { return verdict(.hold, .noData) }

    guard smallest >= GateRule.leastMinimumDevices else { return verdict(.hold, .insufficient) }

    let numbers = Numbers(rule, canary: canary, canaryRate, control: control, controlRate)
    guard isEnough else { return verdict(.hold, .insufficient, numbers) }
    if rule.comparison == .relative && control.failing == 0 {
      return canary.failing == 0
        ? verdict(.pass, nil, numbers) : verdict(.hold, .zeroBaseline, numbers)
    }
    if numbers.lower > numbers.boundary { return verdict(.fail, nil, numbers) }
    if numbers.estimate <= numbers.boundary { return verdict(.pass, nil, numbers) }
    return verdict(.hold, .insufficient, numbers)
  }

  /// The figures of a verdict, in millionths.
  private struct Numbers {
    let estimate: Int64
    let lower: Int64
    let upper: Int64
    let boundary: Int64
    let passingFailures: Int

    init(
      _ rule: GateRule, canary: DeviceCounts, _ canaryRate: ScoreInterval, control: DeviceCounts,
      _ controlRate: ScoreInterval?
    ) {
      let interval: ScoreInterval
      let baseline: Double
      if rule.comparison != .absolute, let controlRate {
        interval = ScoreInterval(difference: canaryRate, minus: controlRate)
        baseline = controlRate.estimate
      } else {
        interval = canaryRate
        baseline = 0
      }
      // |values| ≤ 1 before scaling and the threshold ≤ 10^9, so every conversion below fits.
      estimate = Int64((interval.estimate * 1_000_000).rounded(.toNearestOrAwayFromZero))
      lower = Int64((interval.lower * 1_000_000).rounded(.down))
      upper = Int64((interval.upper * 1_000_000).rounded(.up))
      boundary =
        rule.comparison == .relative
        ? Int64((Double(rule.threshold) * baseline).rounded(.down)) : rule.threshold
      passingFailures = Numbers.most(
        of: canary.reporting, baseline: baseline, boundary: boundary)
    }

    /// The largest x in 0...n whose estimate, rounded as above, does not exceed the boundary; 0 when only none would do.
    private static func most(of n: Int, baseline: Double, boundary: Int64) -> Int {
      func passes(_ x: Int) -> Bool {
        let estimate = (Double(x) / Double(n) - baseline) * 1_000_000
        return Int64(estimate.rounded(.toNearestOrAwayFromZero)) <= boundary
      }
      let guess = (baseline + Double(boundary) / 1_000_000) * Double(n)
      var x = min(n, max(0, Int(min(guess, Double(n)).rounded(.down))))
      while x < n, passes(x + 1) { x += 1 }
      while x > 0, !passes(x) { x -= 1 }
      return x
    }
  }
}
