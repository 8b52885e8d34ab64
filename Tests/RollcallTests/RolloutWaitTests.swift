import API
import ProtoWire
import Testing

@testable import rollcall

@Suite struct RolloutWaitTests {
  static func rollout(_ state: Rollout.State = .progressing, auto: Bool = true) -> Rollout {
    .with {
      $0.state = state
      $0.policy = .with {
        $0.autoAdvance = auto
        $0.gates = [.with { $0.id = "errors" }]
      }
    }
  }

  static func verdict(
    _ reason: GateVerdict.HoldReason, canary: (Int32, Int32), control: (Int32, Int32) = (0, 0),
    comparison: GateRule.Comparison = .absolute, minimum: Int32 = 5
  ) -> GateVerdict {
    .with {
      $0.rule = .with {
        $0.id = "errors"
        $0.minimumDevices = minimum
        $0.comparison = comparison
      }
      $0.outcome = .hold
      $0.holdReason = reason
      $0.canary = .with { ($0.failingDevices, $0.reportingDevices) = canary }
      $0.control = .with { ($0.failingDevices, $0.reportingDevices) = control }
    }
  }

  @Test(
    arguments: [
      (verdict(.insufficient, canary: (0, 3)), "gate errors: 3 of 5 devices"),
      (verdict(.noData, canary: (0, 0), minimum: 0), "gate errors: 0 of 5 devices"),
      (
        verdict(.noData, canary: (0, 9), control: (0, 1), comparison: .difference),
        "gate errors: 1 of 5 devices"
      ),
      (verdict(.insufficient, canary: (1, 10)), "gate errors: not sure yet"),
      (
        verdict(.zeroBaseline, canary: (1, 10), control: (0, 10), comparison: .relative),
        "gate errors: nothing to compare with"
      ),
    ])
  func `a due step says what it waits for and what can be done`(
    verdict: GateVerdict, short: String
  ) throws {
    let wait = try #require(
      RolloutWait(Self.rollout(), verdicts: [verdict], isDue: true, name: "screen"))
    #expect(wait.short == short)
    #expect(wait.next.contains("rollcall rollouts advance screen"))
  }

  @Test func `within a soak nothing waits, without auto-advance an operator is waited for`() {
    let hold = Self.verdict(.insufficient, canary: (0, 3))
    #expect(RolloutWait(Self.rollout(), verdicts: [hold], isDue: false, name: "x") == nil)
    #expect(RolloutWait(Self.rollout(.paused), verdicts: [hold], isDue: true, name: "x") == nil)
    let manual = RolloutWait(Self.rollout(auto: false), verdicts: [], isDue: false, name: "x")
    #expect(manual?.short == "an operator")
  }
}
