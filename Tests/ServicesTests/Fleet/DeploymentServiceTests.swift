import API
import Domain
import ProtoWire
import RPCCore
import Store
import Testing

@testable import Services

@Suite struct DeploymentServiceTests {
  typealias Methods = DeploymentServiceMethods

  static func create(
    _ fixture: FleetFixture, as secret: String? = nil, variant: String? = nil,
    desired: String = "", active: String = "", policy: API.RolloutPolicy? = nil,
    requestID: String = "", validateOnly: Bool = false, name: String? = nil
  ) async throws -> API.Deployment {
    // A repeat of a request has the name of the first.
    let name = name ?? (requestID.isEmpty ? fixture.name() : "eyes of \(requestID)")
    let response = try await fixture.deployments.createDeployment(
      .with {
        $0.deployment = .with {
          $0.name = name
          $0.rolloutPolicy = policy
          $0.target = .fleet(
            .with {
              $0.modelVariantId = variant ?? fixture.variant
              $0.desiredVersionId = desired
              $0.activeVersionId = active
            })
        }
        $0.requestId = requestID
        $0.validateOnly = validateOnly
      },
      context: try fixture.base.call(
        secret ?? fixture.base.secret, Methods.createDeployment.erased))
    return try #require(response.deployment)
  }

  static func start(
    _ fixture: FleetFixture, _ deployment: String
  ) async throws -> StartDeploymentResponse {
    try await fixture.deployments.startDeployment(
      .with { $0.deploymentId = deployment },
      context: try fixture.call(Methods.startDeployment.erased))
  }

  static func update(
    _ fixture: FleetFixture, _ deployment: API.Deployment, _ paths: [String], etag: String = "",
    validateOnly: Bool = false
  ) async throws -> UpdateDeploymentResponse {
    try await fixture.deployments.updateDeployment(
      .with {
        $0.deployment = deployment
        $0.updateMask = .with { $0.paths = paths }
        $0.etag = etag
        $0.validateOnly = validateOnly
      }, context: try fixture.call(Methods.updateDeployment.erased))
  }

  static func rollBack(
    _ fixture: FleetFixture, _ deployment: String
  ) async throws -> RollbackDeploymentResponse {
    try await fixture.deployments.rollbackDeployment(
      .with { $0.deploymentId = deployment },
      context: try fixture.call(Methods.rollbackDeployment.erased))
  }

  /// Archives what a version stands on.
  enum Archived: String, CaseIterable {
    case model, variant, version
    var kind: String { self == .model ? "model" : "model_\(rawValue)" }
  }

  static func archive(_ what: Archived, _ fixture: FleetFixture, version index: Int = 1)
    async throws
  {
    let (variant, version) = (VariantID(fixture.variant), VersionID(fixture.versions[index]))
    let org = try fixture.base.caller(fixture.base.secret).org
    try await fixture.base.store.write { tx in
      let time = Timestamp(milliseconds: tx.nowMilliseconds)
      var found = try ModelVariantResource().require(variant.rawValue, org: org, tx)
      switch what {
      case .model:
        var model = try ModelResource().require(found.model.rawValue, org: org, tx)
        model.archivedAt = time
        try Models(tx).update(model)
      case .variant:
        found.archivedAt = time
        try ModelVariants(tx).update(found)
      case .version:
        var found = try ModelVersionResource().require(version.rawValue, org: org, tx)
        found.archivedAt = time
        try ModelVersions(tx).update(found)
      }
    }
  }

  // MARK: Create and start

  @Test func `a deployment is of a variant and of versions that the caller's org has`()
    async throws
  {
    let fixture = try await FleetFixture()
    let other = try await fixture.base.otherOrg()
    let catalog = CatalogService(rules: fixture.base.rules, files: fixture.base.files)
    let model = try fixture.base.store.read { db in
      try ModelVariantResource().require(
        fixture.variant, org: try fixture.base.caller(fixture.base.secret).org, db
      ).model.rawValue
    }
    let sibling = try #require(
      try await catalog.createModelVariant(
        .with {
          $0.modelVariant = .with {
            $0.modelId = model
            $0.name = "sibling"
            $0.capability = "vision"
          }
        }, context: try fixture.call(CatalogServiceMethods.createModelVariant.erased)
      ).modelVariant)
    let waiting = try #require(
      try await catalog.createModelVersion(
        .with {
          $0.modelVersion = .with {
            $0.variantId = fixture.variant
            $0.name = "waiting"
          }
        }, context: try fixture.call(CatalogServiceMethods.createModelVersion.erased)
      ).modelVersion)

    let foreign = await refusal { _ = try await Self.create(fixture, as: other) }
    #expect(foreign?.code == .notFound)
    let unknown = await refusal { _ = try await Self.create(fixture, variant: "nothing") }
    #expect(unknown?.code == .notFound)
    let missing = await refusal { _ = try await Self.create(fixture, variant: "") }
    #expect(missing?.field == "deployment.fleet.model_variant_id")
    for field in ["desired_version_id", "active_version_id"] {
      func create(variant: String? = nil, _ version: String) async throws {
        _ =
          field == "desired_version_id"
          ? try await Self.create(fixture, variant: variant, desired: version)
          : try await Self.create(fixture, variant: variant, active: version)
      }
      let wrong = await refusal {
        try await create(variant: sibling.id, fixture.versions[0])
      }
      #expect(wrong?.field == "deployment.fleet.\(field)")
      #expect(await refusal { try await create("nothing") }?.code == .notFound)
      let early = await refusal { try await create(waiting.id) }
      #expect(early?.code == .failedPrecondition)
      #expect(early?.reason == "ARTIFACT_MISSING")
    }
    let shapeless = await refusal {
      _ = try await fixture.deployments.createDeployment(
        .with { $0.deployment = .with { $0.name = "eyes" } },
        context: try fixture.call(Methods.createDeployment.erased))
    }
    #expect(shapeless?.field == "deployment.target")
  }

  @Test(arguments: Archived.allCases)
  func `what is archived is deployed no more, nor is a draft of it started`(
    what: Archived
  ) async throws {
    let fixture = try await FleetFixture()
    let draft = try await Self.create(fixture, desired: fixture.versions[1])
    let running = try await Self.create(fixture, desired: fixture.versions[1])
    _ = try await Self.start(fixture, running.id)
    try await Self.archive(what, fixture)
    for attempt in 0..<2 {
      let error = await refusal {
        if attempt == 0 {
          _ = try await Self.create(fixture, desired: fixture.versions[1])
        } else {
          _ = try await Self.start(fixture, draft.id)
        }
      }
      #expect(error?.code == .failedPrecondition)
      #expect(error?.reason == "RESOURCE_ARCHIVED")
    }
    // What runs goes on.
    let edited = try await Self.update(
      fixture,
      .with {
        $0.id = running.id
        $0.name = "still here"
      }, ["name"])
    #expect(edited.deployment?.state == .active)
  }

  @Test func `a draft whose version from before was archived does not start either`() async throws {
    let fixture = try await FleetFixture()
    let draft = try await Self.create(
      fixture, desired: fixture.versions[1], active: fixture.versions[0])
    try await Self.archive(.version, fixture, version: 0)
    let error = await refusal { _ = try await Self.start(fixture, draft.id) }
    #expect(error?.reason == "RESOURCE_ARCHIVED")
    #expect(error?.message.contains("\"v1\"") == true)
  }

  @Test func `a name is taken while its deployment is not over, within its org`() async throws {
    let fixture = try await FleetFixture()
    let first = try await Self.create(fixture, name: "eyes")
    let again = await refusal { _ = try await Self.create(fixture, name: "eyes") }
    #expect(again?.code == .alreadyExists)
    #expect(again?.reason == "RESOURCE_EXISTS")
    let other = try await Self.create(fixture, name: "ears")
    func rename(_ name: String) async throws {
      _ = try await Self.update(
        fixture,
        .with {
          $0.id = other.id
          $0.name = name
        }, ["name"])
    }
    #expect(await refusal { try await rename("eyes") }?.code == .alreadyExists)
    try await rename("ears")
    func named(_ name: String) async throws -> [String] {
      try await fixture.deployments.listDeployments(
        .with { $0.name = name }, context: try fixture.call(Methods.listDeployments.erased)
      ).deployments.map(\.id)
    }
    #expect(try await named("eyes") == [first.id])
    #expect(try await named("nose") == [])
    let org = try fixture.base.caller(fixture.base.secret).org
    try await fixture.base.store.write { tx in
      var stored = try #require(try Deployments(tx).find(DeploymentID(first.id), org: org))
      stored.state = .archived
      try Deployments(tx).update(stored)
    }
    try await rename("eyes")
    #expect(try await named("eyes").count == 2)
  }

  @Test func `a draft without a desired version cannot start`() async throws {
    let fixture = try await FleetFixture()
    let draft = try await Self.create(fixture)
    let error = await refusal { _ = try await Self.start(fixture, draft.id) }
    #expect(error?.code == .failedPrecondition)
    #expect(error?.reason == "NO_VERSION")
  }

  @Test func `a policy makes a rollout, also when there is nothing to move`() async throws {
    let fixture = try await FleetFixture(devices: 1)
    let draft = try await Self.create(
      fixture, desired: fixture.versions[1], active: fixture.versions[1],
      policy: FleetFixture.policy())
    let started = try await Self.start(fixture, draft.id)
    #expect(started.rollout?.state == .completed)
    #expect(started.rollout?.exposureMillionths == 1_000_000)
    #expect(started.deployment?.fleetTarget.activeVersionId == fixture.versions[1])
    #expect(try await fixture.desired().values.map { $0 } == [fixture.versions[1]])
  }

  @Test func `a repeated creation creates once, a dry run not at all`() async throws {
    let fixture = try await FleetFixture()
    let revision = try fixture.base.revision()
    let dry = try await Self.create(fixture, requestID: "r", validateOnly: true)
    #expect(dry.state == .draft)
    #expect(try fixture.base.revision() == revision)
    let first = try await Self.create(fixture, requestID: "r")
    #expect(try await Self.create(fixture, requestID: "r") == first)
    let other = await refusal {
      _ = try await Self.create(fixture, desired: fixture.versions[0], requestID: "r")
    }
    #expect(other?.reason == "REQUEST_ID_REUSED")
    #expect(try fixture.base.revision() == revision + 1)
  }

  // MARK: Update

  @Test func `an edit keeps the state, moves updated_at and refuses a stale etag`() async throws {
    let fixture = try await FleetFixture()
    let draft = try await Self.create(fixture, desired: fixture.versions[1])
    let org = try fixture.base.caller(fixture.base.secret).org
    // As if it had been created long ago.
    try await fixture.base.store.write { tx in
      var stored = try #require(try Deployments(tx).find(DeploymentID(draft.id), org: org))
      stored.updatedAt = Timestamp(milliseconds: 1_000)
      try Deployments(tx).update(stored)
    }
    let wanted = API.Deployment.with {
      $0.id = draft.id
      $0.name = "ears"
      $0.labels = ["team": "audio"]
    }
    let dry = try await Self.update(fixture, wanted, [], validateOnly: true)
    #expect(dry.deployment?.name == "ears")
    let edited = try #require(
      try await Self.update(fixture, wanted, [], etag: draft.etag).deployment)
    #expect(edited.name == "ears")
    #expect(edited.labels == ["team": "audio"])
    #expect(edited.state == .draft)
    #expect((edited.updatedAt?.seconds ?? 0) > 1)
    #expect(edited.etag != draft.etag)
    let stale = await refusal {
      _ = try await Self.update(fixture, wanted, [], etag: draft.etag)
    }
    #expect(stale?.reason == "ETAG_MISMATCH")
    let unknown = await refusal { _ = try await Self.update(fixture, wanted, ["state"]) }
    #expect(unknown?.field == "update_mask")
  }

  // MARK: Roll back

  @Test func `after a change at once the fleet returns to the version before, not further`()
    async throws
  {
    let fixture = try await FleetFixture(devices: 3)
    let (v2, v3) = (fixture.versions[1], fixture.versions[2])
    var rollout = try #require(try await fixture.started().rollout)
    for _ in 0..<3 { rollout = try await fixture.advance(rollout.id, etag: rollout.etag) }
    #expect(rollout.state == .completed)
    let changed = try await Self.update(
      fixture,
      .with {
        $0.id = rollout.deploymentId
        $0.target = .fleet(.with { $0.desiredVersionId = v3 })
      }, ["rollout_policy", "fleet.desired_version_id"])
    #expect(changed.rollout == nil)
    #expect(changed.deployment?.fleetTarget.replacedVersionId == v2)
    #expect(try await fixture.desired().values.allSatisfy { $0 == v3 })

    let back = try await Self.rollBack(fixture, rollout.deploymentId)
    #expect(back.rollout == nil)
    #expect(back.deployment?.fleetTarget.desiredVersionId == v2)
    #expect(back.deployment?.fleetTarget.replacedVersionId == "")
    #expect(try await fixture.desired().values.allSatisfy { $0 == v2 })
    let kept = try await fixture.deployments.getRollout(
      .with { $0.rolloutId = rollout.id }, context: try fixture.call(Methods.getRollout.erased))
    #expect(kept.rollout == rollout)

    let further = try await Self.rollBack(fixture, rollout.deploymentId)
    #expect(further.rollout?.state == .rolledBack)
    #expect(try await fixture.desired().values.allSatisfy { $0 == fixture.versions[0] })
  }

  @Test func `a rollout that was given up does not stand in the way of a rollback`() async throws {
    let fixture = try await FleetFixture(devices: 1)
    var rollout = try #require(try await fixture.started().rollout)
    for _ in 0..<3 { rollout = try await fixture.advance(rollout.id, etag: rollout.etag) }
    func target(_ version: String) async throws -> API.Rollout? {
      try await Self.update(
        fixture,
        .with {
          $0.id = rollout.deploymentId
          $0.target = .fleet(.with { $0.desiredVersionId = version })
        }, ["fleet.desired_version_id"]
      ).rollout
    }
    let second = try #require(try await target(fixture.versions[2]))
    _ = try await fixture.pause(second.id)
    #expect(try await target(fixture.versions[1]) == nil)
    let back = try await Self.rollBack(fixture, rollout.deploymentId)
    #expect(back.rollout?.id == rollout.id)
    #expect(back.rollout?.state == .rolledBack)
    #expect(try await fixture.desired().values.allSatisfy { $0 == fixture.versions[0] })
    #expect(await refusal { _ = try await Self.rollBack(fixture, rollout.deploymentId) } != nil)
  }

  @Test func `when the only rollout was given up there is nothing to roll back`() async throws {
    let fixture = try await FleetFixture(devices: 1)
    let rollout = try #require(try await fixture.started().rollout)
    _ = try await fixture.pause(rollout.id)
    _ = try await Self.update(
      fixture,
      .with {
        $0.id = rollout.deploymentId
        $0.target = .fleet(.with { $0.desiredVersionId = fixture.versions[0] })
      }, ["fleet.desired_version_id"])
    let error = await refusal { _ = try await Self.rollBack(fixture, rollout.deploymentId) }
    #expect(error?.code == .failedPrecondition)
    #expect(error?.reason == "NO_ROLLOUT")
  }

  @Test func `what came by no rollout and replaced nothing cannot be rolled back`() async throws {
    let fixture = try await FleetFixture()
    let draft = try await Self.create(fixture, desired: fixture.versions[1])
    _ = try await Self.start(fixture, draft.id)
    let error = await refusal { _ = try await Self.rollBack(fixture, draft.id) }
    #expect(error?.code == .failedPrecondition)
    #expect(error?.reason == "NO_ROLLOUT")
  }

  // MARK: Lists

  @Test func `states narrow a list, each named once however often it is repeated`() async throws {
    let fixture = try await FleetFixture()
    let draft = try await Self.create(fixture, desired: fixture.versions[1])
    let active = try #require(try await fixture.started().deployment)
    func list(_ states: [API.Deployment.State]) async throws -> [String] {
      let page = try await fixture.deployments.listDeployments(
        .with { $0.states = states }, context: try fixture.call(Methods.listDeployments.erased))
      #expect(Int(page.totalSize) == page.deployments.count)
      return page.deployments.map(\.id)
    }
    #expect(try await list([]) == [active.id, draft.id])
    #expect(try await list([.draft]) == [draft.id])
    #expect(try await list([.killed]) == [])
    // More than the database takes as parameters.
    let many = Array(repeating: [API.Deployment.State.draft, .active], count: 130_000)
    #expect(try await list(many.flatMap { $0 }) == [active.id, draft.id])
    let unknown = await refusal { _ = try await list([.draft, .unspecified]) }
    #expect(unknown?.field == "states[1]")
  }

  @Test func `health is judged by the gates of a rollout under way alone`() async throws {
    let fixture = try await FleetFixture(devices: 1)
    let started = try #require(try await fixture.started().rollout)
    let org = try fixture.base.caller(fixture.base.secret).org
    _ = try await fixture.sync(
      fixture.fleetIDs[0], deployment: started.deploymentId, installed: fixture.versions[0])
    func health() async throws -> DeploymentHealth.State? {
      try await fixture.deployments.getHealth(
        .with { $0.deploymentId = started.deploymentId },
        context: try fixture.call(Methods.getHealth.erased)
      ).health?.state
    }
    try await fixture.base.store.write { tx in
      var rollout = try #require(try Rollouts(tx).find(RolloutID(started.id), org: org))
      rollout.verdicts = [
        Gate.judge(
          Domain.GateRule(
            id: GateID("errors"), metric: .errorRate, comparison: .absolute, threshold: 50_000,
            minimumDevices: 2, action: .rollBack),
          canary: DeviceCounts(reporting: 9, failing: 9),
          control: DeviceCounts(reporting: 0, failing: 0),
          windowStart: Timestamp(milliseconds: 0), now: Timestamp(milliseconds: 1))
      ]
      try Rollouts(tx).updateVerdicts(rollout)
    }
    #expect(try await health() == .unhealthy)
    _ = try await Self.rollBack(fixture, started.deploymentId)
    #expect(try await health() == .healthy)
  }
}
