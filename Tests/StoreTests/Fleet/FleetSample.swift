import Domain

@testable import Store

/// An org with a model, its versions, and whatever a test adds.
struct FleetSample {
  static let org = OrgID("o1")
  static let other = OrgID("o2")
  static let (v1, v2, v3) = (VersionID("v1"), VersionID("v2"), VersionID("v3"))
  static let start = Timestamp(milliseconds: 1_700_000_000_000)
  static let salt = RolloutSalt(low: 1, high: 2)
  static let author = EventAuthor(
    actor: "p1", method: "rollcall.v1.DeploymentService/Test", requestID: "r-1")

  let temporary: TemporaryStore
  var store: Store { temporary.store }

  init(_ configuration: StoreConfiguration = StoreConfiguration()) async throws {
    temporary = try TemporaryStore(configuration)
    try await temporary.store.write { tx in
      let time = Self.start
      for id in [Self.org, Self.other] {
        try Orgs(tx).insert(
          Org(
            id: id, name: id.rawValue, displayName: "", isRoot: false, createdAt: time,
            updatedAt: time, revision: 1))
      }
      try Models(tx).insert(
        Model(
          id: ModelID("m"), org: Self.org, name: "m", displayName: "", description: "",
          labels: .empty, createdAt: time, updatedAt: time, revision: 1))
      try ModelVariants(tx).insert(
        ModelVariant(
          id: VariantID("x"), org: Self.org, model: ModelID("m"), name: "x", capability: "c",
          traits: DeviceTraits(platform: 5, deviceClass: ""), description: "", labels: .empty,
          createdAt: time, updatedAt: time, revision: 1))
      for id in [Self.v1, Self.v2, Self.v3] {
        try ModelVersions(tx).insert(
          ModelVersion(
            id: id, org: Self.org, model: ModelID("m"), variant: VariantID("x"),
            name: id.rawValue, description: "", labels: .empty, createdBy: PrincipalID("p1"),
            createdAt: time, updatedAt: time, revision: 1))
      }
    }
  }

  static func exposure(_ millionths: Int64) throws -> Exposure {
    try Exposure(millionths: millionths)
  }

  static func policy(gates: [GateRule] = [], lastSoak: Int64 = 600) throws -> RolloutPolicy {
    try RolloutPolicy(
      steps: [
        .init(exposure: try exposure(50_000), soak: .seconds(600)),
        .init(exposure: try exposure(250_000), soak: .seconds(600)),
        .init(exposure: .full, soak: .seconds(lastSoak)),
      ], autoAdvance: true, gates: gates)
  }

  static func gate(_ action: GateAction = .pause) -> GateRule {
    GateRule(
      id: GateID("errors"), metric: .errorRate, comparison: .difference, threshold: 50_000,
      minimumDevices: 2, action: action)
  }

  static func device(_ id: String, labels: [String: String] = [:]) -> Device {
    Device(
      id: DeviceID(id), org: org, hardwareID: "hw-\(id)", registeredAt: start,
      traits: DeviceTraits(platform: 5, deviceClass: "edge"), appIdentifier: "com.example",
      labels: Labels(unchecked: labels), revision: 3)
  }

  static func deployment(
    _ id: String = "d", policy: RolloutPolicy?, selector: Selector = .everything
  ) -> Deployment {
    Deployment(
      id: DeploymentID(id), org: org, createdBy: "p1", createdAt: start, name: "vision",
      description: "eyes", labels: Labels(unchecked: ["team": "a=b"]), environment: .production,
      target: .fleet(
        FleetTarget(
          model: ModelID("m"), variant: VariantID("x"), desiredVersion: v2, activeVersion: v1,
          selector: selector)), policy: policy)
  }

  /// Creates and starts a deployment from v1 to v2.
  func started(
    _ deployment: Deployment, at now: Timestamp = start
  ) async throws -> (deployment: Deployment, rollout: Rollout?) {
    try await store.write { tx in
      let journal = DeploymentJournal(tx, author: Self.author)
      let created = try journal.create(deployment)
      let outcome = try DeploymentPlan.start(
        created, seed: .init(id: RolloutID("r-\(created.id)"), salt: Self.salt), now: now)
      let rollout = try outcome.rollout.map { try journal.begin($0, of: outcome.deployment) }
      let updated = try journal.update(
        outcome.deployment, replacing: created, rollout: rollout,
        .init("started", message: "started"))
      return (updated, rollout)
    }
  }
}
