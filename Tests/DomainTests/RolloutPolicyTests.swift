import Domain
import Testing

@Suite struct RolloutPolicyTests {
  static func check(
    _ steps: [(Int64, Int64)], gates: [GateRule] = []
  ) throws -> RolloutPolicy {
    try RolloutPolicy(
      steps: steps.map { .init(exposure: Sample.exposure($0.0), soak: .seconds($0.1)) },
      autoAdvance: true, gates: gates)
  }

  @Test(
    arguments: [
      ([], "needs at least one step"),
      ([(0, 1), (1_000_000, 0)], "a step of exposure 0 reaches nobody"),
      ([(50_000, 1), (50_000, 1), (1_000_000, 0)], "step 1 has exposure 50000"),
      ([(50_000, 1), (49_999, 1), (1_000_000, 0)], "does not exceed the 50000 before it"),
      ([(50_000, 1), (500_000, 1)], "the last step reaches 500000, not 1000000"),
      ([(1_000_000, -1)], "is outside 0 seconds"),
      ([(1_000_000, 30 * 86_400 + 1)], "is outside 0 seconds"),
    ] as [([(Int64, Int64)], String)])
  func `a bad policy is refused with its reason`(steps: [(Int64, Int64)], expected: String) {
    let error = #expect(throws: DomainError.self) { try Self.check(steps) }
    #expect(error?.description.contains(expected) == true, "\(String(describing: error))")
  }

  @Test(
    arguments: [
      [(1_000_000, 0)], [(1, 0), (2, 0), (1_000_000, 30 * 86_400)],
      [(50_000, 600), (250_000, 600), (1_000_000, 0)],
    ] as [[(Int64, Int64)]])
  func `a good policy is taken`(steps: [(Int64, Int64)]) throws {
    #expect(try Self.check(steps).steps.count == steps.count)
  }

  @Test func `steps and gates are limited in number and gates have ids of their own`() throws {
    let hundred = (1...99).map { (Int64($0), Int64(0)) } + [(1_000_000, 0)]
    _ = try Self.check(hundred)
    #expect(throws: DomainError.self) {
      try Self.check([(1, 0)] + hundred.map { (min($0.0 + 1, 1_000_000), 0) })
    }
    let gates = (0..<16).map { Sample.gate(id: "g\($0)") }
    _ = try Self.check([(1_000_000, 0)], gates: gates)
    #expect(throws: DomainError.self) {
      try Self.check([(1_000_000, 0)], gates: gates + [Sample.gate(id: "h")])
    }
    #expect(throws: DomainError.self) {
      try Self.check([(1_000_000, 0)], gates: [Sample.gate(), Sample.gate()])
    }
  }

  @Test(
    arguments: [
      (GateComparison.absolute, -1, 2, false), (.absolute, 0, 2, true),
      (.absolute, 1_000_000, 2, true), (.absolute, 1_000_001, 2, false),
      (.relative, 1_000_000_000, 2, true), (.relative, 1_000_000_001, 2, false),
      (.difference, 0, 1, false), (.difference, 0, 2, true), (.difference, 0, 1_000_000, true),
      (.difference, 0, 1_000_001, false),
    ] as [(GateComparison, Int64, Int, Bool)])
  func `a gate's threshold and minimum have bounds`(
    comparison: GateComparison, threshold: Int64, minimum: Int, allowed: Bool
  ) {
    let gate = Sample.gate(comparison, threshold: threshold, minimum: minimum)
    let policy = try? Self.check([(1_000_000, 0)], gates: [gate])
    #expect((policy != nil) == allowed)
  }

  @Test func `a refusal names the field as the API does`() {
    func field(_ steps: [(Int64, Int64)], gates: [GateRule] = []) -> String? {
      do {
        _ = try Self.check(steps, gates: gates)
        return nil
      } catch DomainError.invalid(let field, _) {
        return field
      } catch {
        return "\(error)"
      }
    }
    #expect(
      field([(50_000, 0), (50_000, 0), (1_000_000, 0)])
        == "rollout_policy.steps[1].exposure_millionths")
    #expect(
      field([(1_000_000, 0)], gates: [Sample.gate(threshold: -1)])
        == "rollout_policy.gates[0].threshold_millionths")
    #expect(
      field([(1_000_000, 0)], gates: [Sample.gate(minimum: 1)])
        == "rollout_policy.gates[0].minimum_devices")
  }

  @Test(
    arguments: [
      (0, -1, 50_000), (49_999, -1, 50_000), (50_000, 0, 250_000), (249_999, 0, 250_000),
      (250_000, 1, 1_000_000), (999_999, 1, 1_000_000), (1_000_000, 2, nil),
    ] as [(Int64, Int, Int32?)])
  func `an exposure stands on the last step it has reached and goes to the first beyond`(
    exposure: Int64, index: Int, next: Int32?
  ) {
    let policy = Sample.policy()
    #expect(policy.stepIndex(at: Sample.exposure(exposure)) == index)
    #expect(policy.nextStep(after: Sample.exposure(exposure))?.exposure.millionths == next)
  }
}
