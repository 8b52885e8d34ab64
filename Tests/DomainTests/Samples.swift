import Domain

/// The deployments and rollouts that the tables start from.
enum Sample {
  static let v1 = VersionID("v1")
  static let v2 = VersionID("v2")
  static let v3 = VersionID("v3")
  static let salt = RolloutSalt(low: 0x0706_0504_0302_0100, high: 0x0f0e_0d0c_0b0a_0908)
  static let seed = DeploymentPlan.RolloutSeed(id: RolloutID("r2"), salt: salt)

  static func minutes(_ count: Int64) -> Timestamp { Timestamp(seconds: count * 60) }

  static func exposure(_ millionths: Int64) -> Exposure {
    guard let exposure = try? Exposure(millionths: millionths) else {
      preconditionFailure("\(millionths) is no exposure")
    }
    return exposure
  }

  static func policy(
    _ steps: [(Int64, Int64)] = [(50_000, 10), (250_000, 10), (1_000_000, 10)], auto: Bool = true,
    gates: [GateRule] = []
  ) -> RolloutPolicy {
    RolloutPolicy(
      unchecked: steps.map {
        RolloutPolicy.Step(exposure: exposure($0.0), soak: .seconds($0.1 * 60))
      }, autoAdvance: auto, gates: gates)
  }

  static func rollout(
    _ state: RolloutState = .pending, exposure millionths: Int64 = 0, from: VersionID? = v1,
    policy: RolloutPolicy = policy(), nextAdvanceAt: Timestamp? = nil
  ) -> Rollout {
    Rollout(
      id: RolloutID("r1"), org: OrgID("o"), deployment: DeploymentID("d"), number: 1, from: from,
      to: v2, salt: salt, createdAt: minutes(0), policy: policy, state: state,
      exposure: exposure(millionths), nextAdvanceAt: nextAdvanceAt,
      startedAt: state == .pending ? nil : minutes(0))
  }

  static func deployment(
    _ state: DeploymentState = .active, desired: VersionID? = v2, active: VersionID? = v1,
    policy: RolloutPolicy? = policy()
  ) -> Deployment {
    Deployment(
      id: DeploymentID("d"), org: OrgID("o"), createdBy: "p", createdAt: minutes(0),
      name: "vision", state: state,
      target: .fleet(
        FleetTarget(
          model: ModelID("m"), variant: VariantID("x"), desiredVersion: desired,
          activeVersion: active)), policy: policy, rolloutCount: 1)
  }

  static func gate(
    _ comparison: GateComparison = .difference, threshold: Int64 = 50_000, minimum: Int = 5,
    action: GateAction = .pause, id: String = "g", confidence: Confidence = .percent95
  ) -> GateRule {
    GateRule(
      id: GateID(id), metric: .errorRate, comparison: comparison, threshold: threshold,
      minimumDevices: minimum, confidence: confidence, action: action)
  }
}
