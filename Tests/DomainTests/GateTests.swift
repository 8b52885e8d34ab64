import Domain
import Testing

@Suite struct GateTests {
  struct Row: Sendable {
    var gate: GateRule
    var canary: (failing: Int, of: Int)
    var control: (failing: Int, of: Int)
    var outcome: GateVerdict.Outcome
    var reason: GateVerdict.HoldReason?
    var estimate: Int64?
    var lower: Int64?
    var boundary: Int64?
    var passing: Int?
  }

  static let rows: [Row] = [
    Row(
      gate: Sample.gate(), canary: (10, 10), control: (0, 190), outcome: .fail, estimate: 1_000_000,
      lower: 721_760, boundary: 50_000, passing: 0),
    Row(
      gate: Sample.gate(), canary: (2, 10), control: (0, 190), outcome: .fail, estimate: 200_000,
      lower: 55_318, boundary: 50_000, passing: 0),
    Row(
      gate: Sample.gate(), canary: (1, 10), control: (0, 190), outcome: .hold,
      reason: .insufficient, estimate: 100_000, lower: 15_518, boundary: 50_000, passing: 0),
    Row(
      gate: Sample.gate(), canary: (0, 10), control: (0, 190), outcome: .pass, estimate: 0,
      lower: -19_818, boundary: 50_000, passing: 0),
    Row(
      gate: Sample.gate(), canary: (3, 4), control: (0, 190), outcome: .hold, reason: .insufficient,
      estimate: 750_000, boundary: 50_000, passing: 0),
    Row(
      gate: Sample.gate(), canary: (5, 5), control: (0, 4), outcome: .hold, reason: .insufficient,
      estimate: 1_000_000, boundary: 50_000, passing: 0),
    Row(
      gate: Sample.gate(minimum: 1), canary: (1, 1), control: (0, 190), outcome: .hold,
      reason: .insufficient),
    Row(
      gate: Sample.gate(minimum: 1), canary: (10, 10), control: (0, 1), outcome: .hold,
      reason: .insufficient),
    Row(
      gate: Sample.gate(.absolute, minimum: 1), canary: (1, 1), control: (0, 0), outcome: .hold,
      reason: .insufficient),
    Row(
      gate: Sample.gate(.absolute, minimum: 2), canary: (2, 2), control: (0, 0), outcome: .fail,
      estimate: 1_000_000, lower: 342_380, boundary: 50_000, passing: 0),
    Row(
      gate: Sample.gate(.absolute), canary: (1, 5), control: (0, 0), outcome: .hold,
      reason: .insufficient, estimate: 200_000, boundary: 50_000, passing: 0),
    Row(gate: Sample.gate(), canary: (0, 0), control: (0, 190), outcome: .hold, reason: .noData),
    Row(gate: Sample.gate(), canary: (1, 10), control: (0, 0), outcome: .hold, reason: .noData),
    Row(
      gate: Sample.gate(.absolute), canary: (10, 10), control: (0, 0), outcome: .fail,
      estimate: 1_000_000, lower: 722_467, boundary: 50_000, passing: 0),
    Row(
      gate: Sample.gate(.absolute), canary: (5, 100), control: (0, 0), outcome: .pass,
      estimate: 50_000, boundary: 50_000, passing: 5),
    Row(
      gate: Sample.gate(.absolute), canary: (6, 100), control: (0, 0), outcome: .hold,
      reason: .insufficient, estimate: 60_000, boundary: 50_000, passing: 5),
    Row(
      gate: Sample.gate(.relative, threshold: 1_000_000), canary: (20, 100), control: (5, 100),
      outcome: .fail, estimate: 150_000, lower: 59_153, boundary: 50_000, passing: 10),
    Row(
      gate: Sample.gate(.relative, threshold: 1_000_000), canary: (10, 100), control: (5, 100),
      outcome: .pass, estimate: 50_000, boundary: 50_000, passing: 10),
    Row(
      gate: Sample.gate(.relative, threshold: 1_000_000), canary: (1, 10), control: (0, 190),
      outcome: .hold, reason: .zeroBaseline, estimate: 100_000, boundary: 0, passing: 0),
    Row(
      gate: Sample.gate(.relative, threshold: 1_000_000), canary: (0, 10), control: (0, 190),
      outcome: .pass, estimate: 0, boundary: 0, passing: 0),
  ]

  @Test(arguments: rows)
  func `a gate judges devices as documented`(row: Row) {
    let verdict = Gate.judge(
      row.gate, canary: DeviceCounts(reporting: row.canary.of, failing: row.canary.failing),
      control: DeviceCounts(reporting: row.control.of, failing: row.control.failing),
      windowStart: Sample.minutes(0), now: Sample.minutes(9))
    #expect(verdict.outcome == row.outcome)
    #expect(verdict.holdReason == row.reason)
    #expect(verdict.estimate == row.estimate)
    if let lower = row.lower { #expect(verdict.lower == lower) }
    #expect(verdict.boundary == row.boundary)
    #expect(verdict.passingFailures == row.passing)
    #expect(verdict.decidedAt == Sample.minutes(9))
  }

  @Test func `the failures that would have passed do pass, and one more does not`() {
    for total in [5, 10, 37, 1_000, 123_457] {
      for control in [(0, 10), (3, 40), (999, 1_000)] {
        for comparison in GateComparison.allCases {
          let gate = Sample.gate(comparison, threshold: 30_000)
          func judge(_ failing: Int) -> GateVerdict {
            Gate.judge(
              gate, canary: DeviceCounts(reporting: total, failing: failing),
              control: DeviceCounts(reporting: control.1, failing: control.0),
              windowStart: Sample.minutes(0), now: Sample.minutes(1))
          }
          guard let most = judge(total).passingFailures else {
            Issue.record("no figure")
            continue
          }
          #expect(judge(most).outcome == .pass)
          if most < total { #expect(judge(most + 1).outcome != .pass) }
        }
      }
    }
  }

  @Test func `looks are counted when enough devices say something new`() {
    let gate = Sample.gate()
    func judge(
      _ gate: GateRule, _ reporting: Int, _ failing: Int = 0, after previous: GateVerdict?
    ) -> GateVerdict {
      Gate.judge(
        gate, canary: DeviceCounts(reporting: reporting, failing: failing),
        control: DeviceCounts(reporting: 40, failing: 0), windowStart: Sample.minutes(0),
        now: Sample.minutes(1), previous: previous)
    }
    let few = judge(gate, 4, after: nil)
    #expect(few.looks == 0)
    #expect(few.alphaSpent == 0)
    let first = judge(gate, 5, after: few)
    #expect(first.looks == 1)
    #expect(first.alphaSpent == 25_000)
    #expect(judge(gate, 5, after: first).looks == 1)
    let second = judge(gate, 6, 1, after: first)
    #expect(second.looks == 2)
    #expect(second.alphaSpent == 50_000)
    // Another rule has looked at nothing yet.
    #expect(judge(Sample.gate(threshold: 60_000), 6, 1, after: second).looks == 1)
  }

  @Test(
    arguments: [
      (.percent95, 4, 100_000), (.percent95, 39, 975_000), (.percent95, 40, 1_000_000),
      (.percent95, .max, 1_000_000), (.percent99, 4, 20_000), (.percent999, 4, 2_000),
      (.percent80, 1, 100_000),
    ] as [(Confidence, Int, Int64)])
  func `alpha spent is the sum of the tails of all looks`(
    confidence: Confidence, looks: Int, spent: Int64
  ) {
    let verdict = GateVerdict(
      rule: Sample.gate(confidence: confidence), outcome: .pass, holdReason: nil,
      canary: DeviceCounts(reporting: 9, failing: 0),
      control: DeviceCounts(reporting: 9, failing: 0), estimate: 0, lower: 0, upper: 0,
      boundary: 0, passingFailures: 0, windowStart: Sample.minutes(0),
      decidedAt: Sample.minutes(1), looks: looks)
    #expect(verdict.alphaSpent == spent)
  }

  @Test func `a verdict tells its story`() {
    let verdict = Gate.judge(
      Sample.gate(), canary: DeviceCounts(reporting: 10, failing: 2),
      control: DeviceCounts(reporting: 190, failing: 0), windowStart: Sample.minutes(0),
      now: Sample.minutes(1))
    #expect(
      verdict.summary
        == "ERROR_RATE FAIL: 2 of 10 canary devices failing against 0 of 190 control devices;"
        + " difference 20.00% [5.53%, 50.98%], limit 5.00%")
  }

  @Test(
    arguments: [
      (81, 263, 0.3080, 0.2553, 0.3662), (15, 148, 0.1014, 0.0624, 0.1605),
      (0, 20, 0, 0, 0.1611), (1, 29, 0.0345, 0.0061, 0.1718), (20, 20, 1, 0.8389, 1),
    ] as [(Int, Int, Double, Double, Double)])
  func `Wilson's interval gives Newcombe's published values`(
    count: Int, total: Int, estimate: Double, lower: Double, upper: Double
  ) throws {
    let interval = try #require(ScoreInterval(count: count, of: total, confidence: .percent95))
    #expect(abs(interval.estimate - estimate) < 5e-5)
    #expect(abs(interval.lower - lower) < 5e-5)
    #expect(abs(interval.upper - upper) < 5e-5)
  }

  @Test(
    arguments: [
      (56, 70, 48, 80, 0.2, 0.0524, 0.3339), (9, 10, 3, 10, 0.6, 0.1705, 0.8090),
      (10, 10, 0, 10, 1, 0.6075, 1),
    ] as [(Int, Int, Int, Int, Double, Double, Double)])
  func `the interval of a difference gives Newcombe's published values`(
    x1: Int, n1: Int, x2: Int, n2: Int, estimate: Double, lower: Double, upper: Double
  ) throws {
    let interval = ScoreInterval(
      difference: try #require(ScoreInterval(count: x1, of: n1, confidence: .percent95)),
      minus: try #require(ScoreInterval(count: x2, of: n2, confidence: .percent95)))
    #expect(abs(interval.estimate - estimate) < 5e-5)
    #expect(abs(interval.lower - lower) < 5e-5)
    #expect(abs(interval.upper - upper) < 5e-5)
  }

  @Test(arguments: [(0, 0), (-1, 5), (6, 5), (0, -1)])
  func `no interval is made of impossible counts`(count: Int, total: Int) {
    #expect(ScoreInterval(count: count, of: total, confidence: .percent95) == nil)
  }
}
