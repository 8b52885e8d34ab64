import API
import ProtoWire
import RPCCore
import Testing

@testable import Services

/// What every change of a deployment has in common: dry runs and repeats.
@Suite struct DeploymentMutationTests {
  typealias Methods = DeploymentServiceMethods

  enum Change: String, CaseIterable {
    case create, update, start, advance, pause, resume, updateRollout, rollBack, pin, unpin
    case materialize
  }

  /// A draft, and a deployment with a rollout that stands where the change needs it.
  struct World {
    let fixture: FleetFixture
    let draft: String
    let rollout: API.Rollout

    init(_ change: Change) async throws {
      fixture = try await FleetFixture(devices: 1)
      draft = try await DeploymentServiceTests.create(fixture, desired: fixture.versions[1]).id
      let started = try #require(try await fixture.started().rollout)
      _ = try await DeploymentEventsTests.pin(fixture, started.deploymentId, .canary)
      rollout = change == .resume ? try await fixture.pause(started.id) : started
    }

    /// Carries the change out; the bytes of its answer.
    func carryOut(
      _ change: Change, requestID: String, validateOnly: Bool = false
    ) async throws -> [UInt8] {
      let (service, deployment) = (fixture.deployments, rollout.deploymentId)
      switch change {
      case .create:
        return try await DeploymentServiceTests.create(
          fixture, requestID: requestID, validateOnly: validateOnly
        ).withoutIdentity.serialized()
      case .update:
        return try await service.updateDeployment(
          .with {
            $0.deployment = .with {
              $0.id = draft
              $0.name = "ears"
            }
            $0.requestId = requestID
            $0.validateOnly = validateOnly
          }, context: try fixture.call(Methods.updateDeployment.erased)
        ).deployment?.withoutIdentity.serialized() ?? []
      case .start:
        return try await service.startDeployment(
          .with {
            $0.deploymentId = draft
            $0.requestId = requestID
            $0.validateOnly = validateOnly
          }, context: try fixture.call(Methods.startDeployment.erased)
        ).deployment?.withoutIdentity.serialized() ?? []
      case .advance:
        return try await service.advanceRollout(
          .with {
            $0.rolloutId = rollout.id
            $0.etag = rollout.etag
            $0.requestId = requestID
            $0.validateOnly = validateOnly
          }, context: try fixture.call(Methods.advanceRollout.erased)
        ).rollout?.withoutTimes.serialized() ?? []
      case .pause:
        return try await service.pauseRollout(
          .with {
            $0.rolloutId = rollout.id
            $0.requestId = requestID
            $0.validateOnly = validateOnly
          }, context: try fixture.call(Methods.pauseRollout.erased)
        ).rollout?.withoutTimes.serialized() ?? []
      case .resume:
        return try await service.resumeRollout(
          .with {
            $0.rolloutId = rollout.id
            $0.requestId = requestID
            $0.validateOnly = validateOnly
          }, context: try fixture.call(Methods.resumeRollout.erased)
        ).rollout?.withoutTimes.serialized() ?? []
      case .updateRollout:
        return try await service.updateRollout(
          .with {
            $0.rollout = RolloutChangeTests.wanted(rollout, exposure: 60_000)
            $0.requestId = requestID
            $0.validateOnly = validateOnly
          }, context: try fixture.call(Methods.updateRollout.erased)
        ).rollout?.withoutTimes.serialized() ?? []
      case .rollBack:
        return try await service.rollbackDeployment(
          .with {
            $0.deploymentId = deployment
            $0.requestId = requestID
            $0.validateOnly = validateOnly
          }, context: try fixture.call(Methods.rollbackDeployment.erased)
        ).deployment?.withoutIdentity.serialized() ?? []
      case .pin:
        return try await service.pinDevice(
          .with {
            $0.deploymentId = deployment
            $0.deviceId = fixture.fleetIDs[0]
            $0.target = .modelVersionId(fixture.versions[2])
            $0.requestId = requestID
            $0.validateOnly = validateOnly
          }, context: try fixture.call(Methods.pinDevice.erased)
        ).assignment?.desiredVersionId.utf8.map { $0 } ?? []
      case .unpin:
        return try await service.unpinDevice(
          .with {
            $0.deploymentId = deployment
            $0.deviceId = fixture.fleetIDs[0]
            $0.requestId = requestID
            $0.validateOnly = validateOnly
          }, context: try fixture.call(Methods.unpinDevice.erased)
        ).assignment?.serialized() ?? []
      case .materialize:
        return try await service.materialize(
          .with {
            $0.deploymentId = deployment
            $0.requestId = requestID
            $0.validateOnly = validateOnly
          }, context: try fixture.call(Methods.materialize.erased)
        ).serialized()
      }
    }
  }

  @Test(arguments: Change.allCases)
  func `a dry run answers like the change and changes nothing, a repeat likewise`(
    change: Change
  ) async throws {
    let world = try await World(change)
    let before = try world.fixture.base.revision()
    let dry = try await world.carryOut(change, requestID: "r1", validateOnly: true)
    #expect(try world.fixture.base.revision() == before)
    let done = try await world.carryOut(change, requestID: "r1")
    #expect(!done.isEmpty)
    #expect(dry == done)
    let after = try world.fixture.base.revision()
    #expect(after > before)
    #expect(try await world.carryOut(change, requestID: "r1") == done)
    #expect(try world.fixture.base.revision() == after)
  }
}

extension API.Deployment {
  /// Without what differs between two runs of the same change.
  fileprivate var withoutIdentity: API.Deployment {
    var copy = self
    (copy.id, copy.etag, copy.latestRolloutId) = ("", "", "")
    (copy.createdAt, copy.startedAt, copy.updatedAt) = (nil, nil, nil)
    return copy
  }
}

extension API.Rollout {
  fileprivate var withoutTimes: API.Rollout {
    var copy = self
    copy.etag = ""
    (copy.exposureChangedAt, copy.nextAdvanceAt, copy.startedAt) = (nil, nil, nil)
    copy.windowStart = nil
    return copy
  }
}
