/// How a rollout grows: its steps, whether it advances by itself, and what may stop it.
public struct RolloutPolicy: Hashable, Sendable {
  /// One step: the share of the fleet it reaches and how long it is watched before the next.
  public struct Step: Hashable, Sendable {
    /// The share of the fleet that gets the new version from this step on.
    public let exposure: Exposure
    /// How long the step lasts before it may be left; after the last step: before the rollout completes.
    public let soak: Duration

    public init(exposure: Exposure, soak: Duration) {
      self.exposure = exposure
      self.soak = soak
    }
  }

  /// The most steps a policy may have.
  public static let maximumSteps = 100
  /// The longest soak of a step.
  public static let maximumSoak: Duration = .seconds(30 * 86_400)
  /// The most gates a policy may have.
  public static let maximumGates = 16

  /// At least one; exposures strictly increase and end at 1_000_000.
  public let steps: [Step]
  /// Whether the automator takes the next step when a soak has ended. Gates act either way.
  public let autoAdvance: Bool
  /// Judged at every automator tick while the rollout progresses.
  public let gates: [GateRule]

  /// A policy that was checked when it was stored.
  public init(unchecked steps: [Step], autoAdvance: Bool, gates: [GateRule]) {
    self.steps = steps
    self.autoAdvance = autoAdvance
    self.gates = gates
  }

  /// Checks the steps and gates.
  ///
  /// - 5 %, 25 %, 100 % → accepted
  /// - 5 %, 5 %, 100 % → error: step 1 does not increase (50000 after 50000)
  /// - 5 %, 50 % → error: the last step reaches 500000, not 1000000
  /// - 0 %, 100 % → error: a step of exposure 0 reaches nobody
  public init(
    steps: [Step], autoAdvance: Bool, gates: [GateRule] = [], field: String = "rollout_policy"
  ) throws(DomainError) {
    guard let last = steps.last else {
      throw .invalid(field: "\(field).steps", message: "a rollout policy needs at least one step")
    }
    guard steps.count <= RolloutPolicy.maximumSteps else {
      throw .invalid(
        field: "\(field).steps",
        message: "\(steps.count) steps exceed \(RolloutPolicy.maximumSteps)")
    }
    var previous = Exposure.zero
    for (index, step) in steps.enumerated() {
      guard step.exposure > previous else {
        let message =
          index == 0
          ? "a step of exposure 0 reaches nobody"
          : "step \(index) has exposure \(step.exposure.millionths), which does not exceed the"
            + " \(previous.millionths) before it"
        throw .invalid(field: "\(field).steps[\(index)].exposure_millionths", message: message)
      }
      guard step.soak >= .zero, step.soak <= RolloutPolicy.maximumSoak else {
        throw .invalid(
          field: "\(field).steps[\(index)].soak",
          message: "soak \(step.soak) is outside 0 seconds...\(RolloutPolicy.maximumSoak)")
      }
      previous = step.exposure
    }
    guard last.exposure == .full else {
      throw .invalid(
        field: "\(field).steps",
        message: "the last step reaches \(last.exposure.millionths), not 1000000")
    }
    guard gates.count <= RolloutPolicy.maximumGates else {
      throw .invalid(
        field: "\(field).gates",
        message: "\(gates.count) gates exceed \(RolloutPolicy.maximumGates)")
    }
    for (index, gate) in gates.enumerated() { try gate.check(field: "\(field).gates[\(index)]") }
    let ids = Set(gates.map(\.id))
    guard ids.count == gates.count else {
      throw .invalid(
        field: "\(field).gates",
        message: "\(gates.count) gates share \(ids.count) ids; each needs its own")
    }
    self.init(unchecked: steps, autoAdvance: autoAdvance, gates: gates)
  }

  /// The index of the step that an exposure stands on: the last one whose exposure it has reached, or -1 before the first.
  ///
  /// With steps 5 %, 25 %, 100 %:
  /// - 0 → -1
  /// - 5 % → 0, 24.9999 % → 0
  /// - 25 % → 1
  /// - 100 % → 2
  public func stepIndex(at exposure: Exposure) -> Int {
    (steps.firstIndex { $0.exposure > exposure } ?? steps.count) - 1
  }

  /// The first step beyond an exposure, nil at the last.
  ///
  /// With steps 5 %, 25 %, 100 %:
  /// - 0 → 5 %
  /// - 10 % (set by hand) → 25 %
  /// - 100 % → nil
  public func nextStep(after exposure: Exposure) -> Step? {
    steps.first { $0.exposure > exposure }
  }

  /// How long an exposure is watched: the soak of the step it stands on, before the first step that of the first.
  public func soak(at exposure: Exposure) -> Duration {
    let index = stepIndex(at: exposure)
    guard steps.indices.contains(max(index, 0)) else { return .zero }
    return steps[max(index, 0)].soak
  }
}
