import API
import Domain
import ProtoWire
import RPCCore
import Store
import Testing

@testable import Services

@Suite struct DeviceReportTests {
  typealias Methods = DeviceServiceMethods

  static func device(_ fixture: FleetFixture) async throws -> API.Device {
    try #require(
      try await fixture.devices.getDevice(
        .with { $0.deviceId = fixture.fleetIDs[0] },
        context: try fixture.call(Methods.getDevice.erased)
      ).device)
  }

  @Test func `an event in a refused batch is taken when it comes again`() async throws {
    let fixture = try await FleetFixture(devices: 1)
    let rollout = try #require(try await fixture.started().rollout)
    let device = fixture.fleetIDs[0]
    let good = DeviceServiceTests.failure(4, rollout.deploymentId, fixture.versions[1])
    let bad = DeviceServiceTests.failure(5, rollout.deploymentId, "no version")
    let refused = await refusal { _ = try await fixture.sync(device, events: [good, bad]) }
    #expect(refused?.field == "events[1].model_version_id")
    #expect(try await fixture.sync(device, events: [good]).acknowledgedSequence == 4)
    #expect(try await fixture.sync(device).acknowledgedSequence == 4)
    await fixture.base.store.flush()
    let counted = try fixture.base.store.telemetry.read {
      try DeviceActivities($0).find(DeviceID(device))?.attempts.activationsFailed
    }
    #expect(counted == 1)
  }

  @Test func `a report with an event that is wrong installs nothing`() async throws {
    let fixture = try await FleetFixture(devices: 1)
    let rollout = try #require(try await fixture.started().rollout)
    let bad = DeviceServiceTests.failure(1, "no deployment", fixture.versions[1])
    let refused = await refusal {
      _ = try await fixture.sync(
        fixture.fleetIDs[0], deployment: rollout.deploymentId, installed: fixture.versions[1],
        events: [bad])
    }
    #expect(refused?.field == "events[0].deployment_id")
    let disordered = await refusal {
      let good = DeviceServiceTests.failure(1, rollout.deploymentId, fixture.versions[1])
      _ = try await fixture.sync(
        fixture.fleetIDs[0], deployment: rollout.deploymentId, installed: fixture.versions[1],
        events: [good, good])
    }
    #expect(disordered?.field == "events[1].sequence")
    #expect(try await Self.device(fixture).installed.isEmpty)
  }

  @Test(arguments: [(64, true), (65, false)])
  func `a report names at most 64 installations`(count: Int, isTaken: Bool) async throws {
    let fixture = try await FleetFixture(devices: 1)
    let error = await problem {
      _ = try await fixture.devices.sync(
        .with {
          $0.deviceId = fixture.fleetIDs[0]
          $0.installed = (0..<count).map { index in
            .with {
              $0.deploymentId = "d\(index)"
              $0.modelVersionId = "v"
              $0.state = .installed
            }
          }
        }, context: try fixture.call(Methods.sync.erased))
    }
    // Within the bound each entry is looked at, and the first is of no deployment.
    #expect(error?.field == (isTaken ? "installed[0].deployment_id" : "installed"))
  }

  @Test(arguments: [(0, false), (1, true), (1_000, true), (1_001, false)])
  func `a batch holds 1 to 1000 events`(count: Int, isTaken: Bool) async throws {
    let fixture = try await FleetFixture(devices: 1)
    let rollout = try #require(try await fixture.started().rollout)
    let events = (0..<count).map {
      DeviceServiceTests.failure(Int64($0 + 1), rollout.deploymentId, fixture.versions[1])
    }
    let error = await problem {
      let response = try await fixture.devices.reportEvents(
        .with {
          $0.deviceId = fixture.fleetIDs[0]
          $0.events = events
        }, context: try fixture.call(Methods.reportEvents.erased))
      #expect(response.accepted == count)
      #expect(response.acknowledgedSequence == count)
    }
    #expect(error?.field == (isTaken ? nil : "events"))
  }

  @Test(
    arguments: [
      ("error", 1_024, nil), ("error", 1_025, "events[0].download.error"),
      ("size", 0, nil), ("size", -1, "events[0].download.size_bytes"),
      ("elapsed", 0, nil), ("elapsed", -1, "events[0].download.elapsed"),
      ("nanos", 999_999_999, nil), ("nanos", 1_000_000_000, "events[0].occurred_at"),
      ("activation", 1_024, nil), ("activation", 1_025, "events[0].activation.error"),
    ] as [(String, Int, String?)])
  func `what an event says is checked though it is not kept`(
    what: String, value: Int, field: String?
  ) async throws {
    let fixture = try await FleetFixture(devices: 1)
    let rollout = try #require(try await fixture.started().rollout)
    let event = DeviceEvent.with { event in
      event.sequence = 1
      event.deploymentId = rollout.deploymentId
      event.modelVersionId = fixture.versions[1]
      event.detail = .download(DownloadFinished())
      switch what {
      case "error":
        event.detail = .download(.with { $0.error = String(repeating: "x", count: value) })
      case "size": event.detail = .download(.with { $0.sizeBytes = Int64(value) })
      case "elapsed":
        event.detail = .download(.with { $0.elapsed = .with { $0.seconds = Int64(value) } })
      case "nanos": event.occurredAt = .with { $0.nanos = Int32(value) }
      default:
        event.detail = .activation(.with { $0.error = String(repeating: "x", count: value) })
      }
    }
    let error = await problem { _ = try await fixture.sync(fixture.fleetIDs[0], events: [event]) }
    #expect(error?.field == field)
  }

  @Test func `the health of a deployment's devices counts those that it targets`() async throws {
    let fixture = try await FleetFixture(devices: 3)
    let deployment = try #require(try await fixture.started(policy: nil).deployment)
    let version = fixture.versions[1]
    _ = try await fixture.sync(
      fixture.fleetIDs[0], deployment: deployment.id, installed: version,
      events: [
        .with {
          $0.sequence = 1
          $0.deploymentId = deployment.id
          $0.modelVersionId = version
          $0.detail = .inferences(
            .with {
              $0.ok = 3
              $0.failed = 1
              $0.latency = .with {
                $0.buckets = [
                  .with {
                    $0.index = 40; $0.count = 4
                  }
                ]
              }
            })
        }
      ])
    _ = try await fixture.sync(
      fixture.fleetIDs[1], deployment: deployment.id, installed: version, state: .failed)
    await fixture.base.store.flush()
    let health = try #require(
      try await fixture.deployments.getDeviceHealth(
        .with { $0.deploymentId = deployment.id },
        context: try fixture.call(DeploymentServiceMethods.getDeviceHealth.erased)
      ).deviceHealth)
    #expect(health.deploymentId == deployment.id)
    #expect(health.targetedDevices == 3)
    #expect(health.onlineDevices == 2, "the third has registered and never called")
    #expect(health.convergedDevices == 1)
    #expect(health.failedDevices == 1)
    #expect(health.counters?.inferencesOk == 3)
    #expect(health.counters?.inferencesFailed == 1)
    #expect(health.latencyP50Us > 0)
    #expect(health.latencyP50Us <= health.latencyP99Us)
    let other = try await fixture.base.otherOrg()
    let hidden = await refusal {
      _ = try await fixture.deployments.getDeviceHealth(
        .with { $0.deploymentId = deployment.id },
        context: try fixture.base.call(other, DeploymentServiceMethods.getDeviceHealth.erased))
    }
    #expect(hidden?.reason == "RESOURCE_NOT_FOUND")
  }
}

/// The error that `body` throws, nil when it throws none; records an issue when it is no RPCError.
func problem(
  sourceLocation: SourceLocation = #_sourceLocation, _ body: () async throws -> Void
) async -> RPCError? {
  do {
    try await body()
    return nil
  } catch let error as RPCError {
    return error
  } catch {
    Issue.record("\(error) is no RPCError", sourceLocation: sourceLocation)
    return nil
  }
}
