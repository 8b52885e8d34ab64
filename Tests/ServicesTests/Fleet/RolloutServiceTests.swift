import API
import Domain
import ProtoWire
import RPCCore
import Testing

@testable import Services

@Suite struct RolloutServiceTests {
  @Test func `devices follow a rollout step by step, freeze with it and return with it`()
    async throws
  {
    let fixture = try await FleetFixture(devices: 40)
    let (v1, v2) = (fixture.versions[0], fixture.versions[1])
    let started = try await fixture.started()
    let deployment = try #require(started.deployment).id
    var rollout = try #require(started.rollout)
    #expect(rollout.exposureMillionths == 50_000)
    let atFive = try await fixture.desired()
    for device in fixture.fleetIDs {
      _ = try await fixture.sync(
        device, deployment: deployment, installed: atFive[device])
    }

    rollout = try await fixture.advance(rollout.id, etag: rollout.etag)
    #expect(rollout.exposureMillionths == 250_000)
    let atTwentyFive = try await fixture.desired()
    func cohort(_ desired: [String: String]) -> Set<String> {
      Set(desired.filter { $0.value == v2 }.keys)
    }
    #expect(cohort(atFive).isSubset(of: cohort(atTwentyFive)))
    #expect(cohort(atTwentyFive).count > cohort(atFive).count)
    let listed = try await fixture.deployments.listAssignments(
      .with {
        $0.deploymentId = deployment
        $0.arm = .canary
      }, context: try fixture.call(DeploymentServiceMethods.listAssignments.erased))
    #expect(Set(listed.assignments.map(\.deviceId)) == cohort(atTwentyFive))
    #expect(Int(listed.totalSize) == cohort(atTwentyFive).count)

    // One device of the new cohort takes the step; then the rollout is paused.
    let bumped = try #require(cohort(atTwentyFive).subtracting(cohort(atFive)).first)
    _ = try await fixture.sync(bumped, deployment: deployment, installed: v2)
    rollout = try await fixture.pause(rollout.id)
    #expect(rollout.state == .paused)
    #expect(rollout.stateReason == "lunch")
    let frozen = try await fixture.desired()
    #expect(cohort(frozen) == cohort(atFive).union([bumped]))

    let rolledBack = try await fixture.deployments.rollbackDeployment(
      .with {
        $0.deploymentId = deployment
        $0.reason = "bad"
      }, context: try fixture.call(DeploymentServiceMethods.rollbackDeployment.erased))
    #expect(rolledBack.rollout?.state == .rolledBack)
    #expect(rolledBack.deployment?.fleetTarget.desiredVersionId == v1)
    let after = try await fixture.desired()
    #expect(after.values.allSatisfy { $0 == v1 })

    let events = try await fixture.deployments.listEvents(
      .with { $0.deploymentId = deployment },
      context: try fixture.call(DeploymentServiceMethods.listEvents.erased))
    #expect(
      events.events.map(\.type) == [
        "deployment.rolled_back", "rollout.rolled_back", "rollout.paused", "rollout.advanced",
        "deployment.started", "rollout.started", "deployment.created",
      ])
    #expect(events.deploymentState == .active)
    #expect(events.totalSize == 7)
  }

  @Test func `advancing demands the current etag, and a repeated request advances once`()
    async throws
  {
    let fixture = try await FleetFixture()
    let rollout = try #require(try await fixture.started().rollout)
    let missing = await refusal { _ = try await fixture.advance(rollout.id, etag: "") }
    #expect(missing?.code == .invalidArgument)
    #expect(missing?.field == "etag")
    let first = try await fixture.advance(rollout.id, etag: rollout.etag, requestID: "a-1")
    let again = try await fixture.advance(rollout.id, etag: rollout.etag, requestID: "a-1")
    #expect(first == again)
    #expect(again.exposureMillionths == 250_000)
    let stale = await refusal { _ = try await fixture.advance(rollout.id, etag: rollout.etag) }
    #expect(stale?.code == .aborted)
    #expect(stale?.reason == "ETAG_MISMATCH")
  }

  @Test func `after the last step the new version is the active one`() async throws {
    let fixture = try await FleetFixture(devices: 3)
    let started = try await fixture.started()
    var rollout = try #require(started.rollout)
    for _ in 0..<3 { rollout = try await fixture.advance(rollout.id, etag: rollout.etag) }
    #expect(rollout.state == .completed)
    let deployment = try await fixture.deployments.getDeployment(
      .with { $0.deploymentId = rollout.deploymentId },
      context: try fixture.call(DeploymentServiceMethods.getDeployment.erased)
    ).deployment
    #expect(deployment?.fleetTarget.activeVersionId == fixture.versions[1])
    #expect(try await fixture.desired().values.allSatisfy { $0 == fixture.versions[1] })
    let late = await refusal { _ = try await fixture.advance(rollout.id, etag: rollout.etag) }
    #expect(late?.reason == "ILLEGAL_TRANSITION")
    #expect(late?.message == "cannot advance a rollout that is COMPLETED; it must be PROGRESSING")
  }

  @Test func `a target is not changed under a moving rollout, and begins a new one when paused`()
    async throws
  {
    let fixture = try await FleetFixture()
    let started = try await fixture.started()
    let rollout = try #require(started.rollout)
    func retarget() async throws -> UpdateDeploymentResponse {
      try await fixture.deployments.updateDeployment(
        .with {
          $0.deployment = .with {
            $0.id = rollout.deploymentId
            $0.target = .fleet(.with { $0.desiredVersionId = fixture.versions[2] })
          }
        }, context: try fixture.call(DeploymentServiceMethods.updateDeployment.erased))
    }
    let refused = await refusal { _ = try await retarget() }
    #expect(refused?.code == .failedPrecondition)
    #expect(refused?.reason == "ROLLOUT_PROGRESSING")
    _ = try await fixture.pause(rollout.id)
    let updated = try await retarget()
    #expect(updated.rollout?.number == 2)
    #expect(updated.rollout?.fromVersionId == fixture.versions[0])
    #expect(updated.rollout?.toVersionId == fixture.versions[2])
    let old = try await fixture.deployments.getRollout(
      .with { $0.rolloutId = rollout.id },
      context: try fixture.call(DeploymentServiceMethods.getRollout.erased))
    #expect(old.rollout?.state == .aborted)
  }

  @Test func `lowering the exposure needs to be allowed`() async throws {
    let fixture = try await FleetFixture()
    var rollout = try #require(try await fixture.started().rollout)
    rollout = try await fixture.pause(try await fixture.advance(rollout.id, etag: rollout.etag).id)
    func lower(_ allowed: Bool) async throws -> UpdateRolloutResponse {
      try await fixture.deployments.updateRollout(
        .with {
          $0.rollout = .with {
            $0.id = rollout.id
            $0.exposureMillionths = 100_000
          }
          $0.allowRegression = allowed
        }, context: try fixture.call(DeploymentServiceMethods.updateRollout.erased))
    }
    let refused = await refusal { _ = try await lower(false) }
    #expect(refused?.reason == "EXPOSURE_REGRESSION")
    #expect(try await lower(true).rollout?.exposureMillionths == 100_000)
  }

  @Test func `a pin wins over the bucket until it is taken away`() async throws {
    let fixture = try await FleetFixture(devices: 5)
    let rollout = try #require(try await fixture.started().rollout)
    let outside = try #require(
      try await fixture.desired().first { $0.value == fixture.versions[0] }?.key)
    let pinned = try await fixture.deployments.pinDevice(
      .with {
        $0.deploymentId = rollout.deploymentId
        $0.deviceId = outside
        $0.target = .arm(.canary)
      }, context: try fixture.call(DeploymentServiceMethods.pinDevice.erased))
    #expect(pinned.assignment?.reason == .pin)
    #expect(try await fixture.desired()[outside] == fixture.versions[1])
    let counted = try await fixture.deployments.materialize(
      .with { $0.deploymentId = rollout.deploymentId },
      context: try fixture.call(DeploymentServiceMethods.materialize.erased))
    #expect(counted.targetedDevices == 5)
    #expect(counted.pinnedDevices == 1)
    _ = try await fixture.deployments.unpinDevice(
      .with {
        $0.deploymentId = rollout.deploymentId
        $0.deviceId = outside
      }, context: try fixture.call(DeploymentServiceMethods.unpinDevice.erased))
    #expect(try await fixture.desired()[outside] == fixture.versions[0])
  }

  @Test func `another org sees nothing of it`() async throws {
    let fixture = try await FleetFixture(devices: 1)
    let rollout = try #require(try await fixture.started().rollout)
    let secret = try await fixture.base.otherOrg()
    let refusals = [
      await refusal {
        _ = try await fixture.deployments.getRollout(
          .with { $0.rolloutId = rollout.id },
          context: try fixture.base.call(secret, DeploymentServiceMethods.getRollout.erased))
      },
      await refusal {
        _ = try await fixture.deployments.advanceRollout(
          .with {
            $0.rolloutId = rollout.id
            $0.etag = rollout.etag
          },
          context: try fixture.base.call(secret, DeploymentServiceMethods.advanceRollout.erased))
      },
      await refusal {
        _ = try await fixture.devices.sync(
          .with { $0.deviceId = fixture.fleetIDs[0] },
          context: try fixture.base.call(secret, DeviceServiceMethods.sync.erased))
      },
      await refusal {
        _ = try await fixture.deployments.getHealth(
          .with { $0.deploymentId = rollout.deploymentId },
          context: try fixture.base.call(secret, DeploymentServiceMethods.getHealth.erased))
      },
    ]
    #expect(refusals.allSatisfy { $0?.code == .notFound })
    let listed = try await fixture.deployments.listDeployments(
      ListDeploymentsRequest(),
      context: try fixture.base.call(secret, DeploymentServiceMethods.listDeployments.erased))
    #expect(listed.totalSize == 0)
  }
}
