import API
import Domain
import ProtoWire
import RPCCore
import Store
import Testing

@testable import Services

/// Whom a rollback reaches, whose reports a rollout counts, and what stays known of failures.
@Suite struct RollbackReachTests {
  typealias Methods = DeploymentServiceMethods

  /// Devices labelled ring=first, a deployment that targets them, and its rollout at 100 %.
  struct World {
    let fixture: FleetFixture
    let rollout: API.Rollout
    var deployment: String { rollout.deploymentId }
    var v1: String { fixture.versions[0] }
    var v2: String { fixture.versions[1] }

    init(devices: Int = 2, exposure: Int32 = 1_000_000, pass: [String: String] = ["ring": "first"])
      async throws
    {
      fixture = try await FleetFixture(devices: devices)
      for device in fixture.fleetIDs { try await Self.label(device, pass, fixture) }
      let steps: [Int32] = exposure == 1_000_000 ? [1_000_000] : [exposure, 1_000_000]
      let started = try await fixture.started(
        policy: FleetFixture.policy(steps),
        targeting: .with {
          $0.requirements = [
            .with {
              $0.key = "ring"
              $0.operation = .in
              $0.values = ["first"]
            }
          ]
        })
      rollout = try #require(started.rollout)
    }

    static func label(_ device: String, _ labels: [String: String], _ fixture: FleetFixture)
      async throws
    {
      _ = try await fixture.devices.updateLabels(
        .with {
          $0.deviceId = device
          $0.set = labels
        }, context: try fixture.call(DeviceServiceMethods.updateLabels.erased))
    }

    func rollBack() async throws {
      _ = try await DeploymentServiceTests.rollBack(fixture, deployment)
    }

    func desired(_ device: String) async throws -> [String] {
      try await fixture.sync(device).desiredState?.entries.map(\.modelVersionId) ?? []
    }

    func assignments(failedOnly: Bool = false) async throws -> [DeviceAssignment] {
      try await fixture.deployments.listAssignments(
        .with {
          $0.deploymentId = deployment
          $0.failedOnly = failedOnly
        }, context: try fixture.call(Methods.listAssignments.erased)
      ).assignments
    }

    func deviceHealth() async throws -> API.DeviceHealth {
      try #require(
        try await fixture.deployments.getDeviceHealth(
          .with { $0.deploymentId = deployment },
          context: try fixture.call(Methods.getDeviceHealth.erased)
        ).deviceHealth)
    }

    func arms() async throws -> (canary: ArmHealth, control: ArmHealth) {
      await fixture.base.store.flush()
      return try fixture.base.store.telemetry.read {
        try RolloutHealth($0).arms(of: RolloutID(rollout.id), window: 0)
      }
    }

    func event(_ sequence: Int64, _ version: String, _ detail: DeviceEvent.Detail) -> DeviceEvent {
      .with {
        $0.sequence = sequence
        $0.deploymentId = deployment
        $0.modelVersionId = version
        $0.detail = detail
      }
    }
  }

  static func download(_ succeeded: Bool, _ error: String = "") -> DeviceEvent.Detail {
    .download(
      .with {
        $0.succeeded = succeeded
        $0.error = error
      })
  }

  static func activation(_ succeeded: Bool, _ error: String = "") -> DeviceEvent.Detail {
    .activation(
      .with {
        $0.succeeded = succeeded
        $0.error = error
      })
  }

  static func inferences(ok: Int64, failed: Int64 = 0) -> DeviceEvent.Detail {
    .inferences(
      .with {
        $0.ok = ok
        $0.failed = failed
      })
  }

  @Test func `a rollback reaches a device whose labels left the targeting`() async throws {
    let world = try await World()
    let device = world.fixture.fleetIDs[0]
    _ = try await world.fixture.sync(device, deployment: world.deployment, installed: world.v2)
    try await World.label(device, ["ring": "last"], world.fixture)
    #expect(try await world.desired(device) == [])
    try await world.rollBack()
    #expect(try await world.desired(device) == [world.v1])
    let listed = try await world.assignments().first { $0.deviceId == device }
    #expect(listed?.reason == .withdrawn)
    #expect(listed?.desiredVersionId == world.v1)
    #expect(listed?.hardwareId == "hw-0")
    #expect(try await world.deviceHealth().convergedDevices == 0)
    _ = try await world.fixture.sync(device, deployment: world.deployment, installed: world.v1)
    #expect(try await world.desired(device) == [])
    #expect(try await world.assignments().count == 1)
  }

  @Test func `giving the rollout up for the old version reaches it as well`() async throws {
    let world = try await World()
    let (device, fixture) = (world.fixture.fleetIDs[0], world.fixture)
    _ = try await fixture.sync(device, deployment: world.deployment, installed: world.v2)
    try await World.label(device, ["ring": "last"], fixture)
    _ = try await fixture.pause(world.rollout.id)
    #expect(try await world.desired(device) == [])
    _ = try await DeploymentServiceTests.update(
      fixture,
      .with {
        $0.id = world.deployment
        $0.target = .fleet(.with { $0.desiredVersionId = world.v1 })
      }, ["fleet.desired_version_id"])
    #expect(try await world.desired(device) == [world.v1])
    #expect(
      try await world.assignments().first { $0.deviceId == device }?.reason == .withdrawn)
  }

  @Test func `also after another rollout, but not once the version is wanted again`() async throws {
    let world = try await World()
    let (device, fixture) = (world.fixture.fleetIDs[0], world.fixture)
    _ = try await fixture.sync(device, deployment: world.deployment, installed: world.v2)
    try await World.label(device, ["ring": "last"], fixture)
    try await world.rollBack()
    func target(_ version: String) async throws -> API.Rollout {
      try #require(
        try await DeploymentServiceTests.update(
          fixture,
          .with {
            $0.id = world.deployment
            $0.target = .fleet(.with { $0.desiredVersionId = version })
          }, ["fleet.desired_version_id"]
        ).rollout)
    }
    let third = try await target(fixture.versions[2])
    #expect(try await world.desired(device) == [world.v1])
    _ = try await fixture.advance(third.id, etag: third.etag)
    #expect(try await world.desired(device) == [fixture.versions[2]])
    _ = try await target(world.v2)
    #expect(try await world.desired(device) == [])
  }

  @Test func `reports of devices that the rollout did not give the version do not count`()
    async throws
  {
    let world = try await World(devices: 40, exposure: 500_000)
    let fixture = world.fixture
    let desired = try await fixture.desired()
    let cohort = fixture.fleetIDs.filter { desired[$0] == world.v2 }
    let rest = fixture.fleetIDs.filter { desired[$0] == world.v1 }
    // Both have the new version from elsewhere: one outside of the cohort, one that is targeted no more.
    let left = try #require(cohort.last)
    try await World.label(left, ["ring": "last"], fixture)
    for device in [rest[0], left] {
      _ = try await fixture.sync(
        device, deployment: world.deployment, installed: world.v2,
        events: [world.event(1, world.v2, Self.inferences(ok: 0, failed: 9))])
    }
    #expect(try await world.arms().canary == .zero)
    #expect(try await world.arms().control == .zero)
    // In the cohort, and still on the old version: on neither side, until it tells of the new one.
    _ = try await fixture.sync(
      cohort[0], events: [world.event(1, world.v1, Self.inferences(ok: 5))])
    _ = try await fixture.sync(
      rest[1], events: [world.event(1, world.v1, Self.inferences(ok: 5))])
    #expect(try await world.arms().control.errorRate == DeviceCounts(reporting: 1, failing: 0))
    #expect(try await world.arms().canary.errorRate == .zero)
    _ = try await fixture.sync(
      cohort[0], events: [world.event(2, world.v2, Self.inferences(ok: 0, failed: 5))])
    #expect(try await world.arms().canary.errorRate == DeviceCounts(reporting: 1, failing: 1))
  }

  @Test func `a device that tried again and runs the version is no failure`() async throws {
    let world = try await World(devices: 3)
    let fixture = world.fixture
    _ = try await fixture.sync(
      fixture.fleetIDs[0],
      events: [
        world.event(1, world.v2, Self.download(false, "reset")),
        world.event(2, world.v2, Self.activation(false, "busy")),
      ])
    #expect(try await world.arms().canary.downloadFailures.failing == 1)
    #expect(try await world.arms().canary.errorRate.failing == 1)
    _ = try await fixture.sync(
      fixture.fleetIDs[0],
      events: [
        world.event(3, world.v2, Self.download(true)),
        world.event(4, world.v2, Self.activation(true)),
        world.event(5, world.v2, Self.inferences(ok: 5)),
      ])
    // One that says no more than that it runs the version, in a report of its own.
    _ = try await fixture.sync(
      fixture.fleetIDs[1], events: [world.event(1, world.v2, Self.activation(false, "busy"))])
    _ = try await fixture.sync(
      fixture.fleetIDs[1], deployment: world.deployment, installed: world.v2)
    let canary = try await world.arms().canary
    #expect(canary.downloadFailures == DeviceCounts(reporting: 1, failing: 0))
    #expect(canary.errorRate == DeviceCounts(reporting: 2, failing: 0))
    #expect(try await world.deviceHealth().failures.isEmpty)
  }

  @Test func `what failed stays known after the rollback, and the health is well again`()
    async throws
  {
    let world = try await World(devices: 3)
    let fixture = world.fixture
    for device in fixture.fleetIDs {
      _ = try await fixture.sync(device, deployment: world.deployment, installed: world.v1)
    }
    _ = try await fixture.sync(
      fixture.fleetIDs[0], events: [world.event(1, world.v2, Self.activation(false, "30 vs. 32"))])
    _ = try await fixture.devices.sync(
      .with {
        $0.deviceId = fixture.fleetIDs[1]
        $0.installed = [
          .with {
            $0.deploymentId = world.deployment
            $0.modelVersionId = world.v2
            $0.state = .failed
            $0.error = "30 vs. 32"
          }
        ]
      }, context: try fixture.call(DeviceServiceMethods.sync.erased))
    func health() async throws -> DeploymentHealth.State? {
      try await fixture.deployments.getHealth(
        .with { $0.deploymentId = world.deployment },
        context: try fixture.call(Methods.getHealth.erased)
      ).health?.state
    }
    #expect(try await health() == .degraded)
    try await world.rollBack()
    #expect(try await health() == .healthy)
    await fixture.base.store.flush()
    let told = try await world.deviceHealth()
    #expect(told.devicesWithFailures == 2)
    let group = try #require(told.failures.first)
    #expect(group.error == "30 vs. 32")
    #expect(group.devices == 2)
    #expect(group.modelVersionId == world.v2)
    #expect(group.rolloutId == world.rollout.id)
    let failed = try await world.assignments(failedOnly: true)
    #expect(Set(failed.map(\.hardwareId)) == ["hw-0", "hw-1"])
    #expect(failed.allSatisfy { $0.lastFailure?.error == "30 vs. 32" })
    #expect(failed.allSatisfy { $0.desiredVersionId == world.v1 })
    let both = await refusal {
      _ = try await fixture.deployments.listAssignments(
        .with {
          $0.deploymentId = world.deployment
          $0.failedOnly = true
          $0.pinnedOnly = true
        }, context: try fixture.call(Methods.listAssignments.erased))
    }
    #expect(both?.field == "failed_only")
    // Whoever comes to run it has overcome it.
    _ = try await fixture.sync(
      fixture.fleetIDs[1], deployment: world.deployment, installed: world.v2)
    await fixture.base.store.flush()
    #expect(try await world.assignments(failedOnly: true).map(\.hardwareId) == ["hw-0"])
  }
}
