import API
import Domain
import ProtoWire
import RPCCore
import Testing

@testable import Services

@Suite struct DeviceServiceTests {
  static func failure(_ sequence: Int64, _ deployment: String, _ version: String) -> DeviceEvent {
    .with {
      $0.sequence = sequence
      $0.deploymentId = deployment
      $0.modelVersionId = version
      $0.detail = .activation(.with { $0.error = "no" })
    }
  }

  @Test func `registering a known hardware id again answers with the same device`() async throws {
    let fixture = try await FleetFixture()
    let first = try await fixture.register("hw", labels: ["env": "prod"])
    #expect(try await fixture.register("hw", labels: ["env": "test"]) == first)
    let device = try await fixture.devices.getDevice(
      .with { $0.deviceId = first },
      context: try fixture.call(DeviceServiceMethods.getDevice.erased)
    ).device
    #expect(device?.labels == ["env": "prod"])
    let nameless = await refusal { _ = try await fixture.register("") }
    #expect(nameless?.field == "device.hardware_id")
  }

  @Test func `events count once, whichever call brings them, and only of known deployments`()
    async throws
  {
    let fixture = try await FleetFixture(devices: 1)
    let rollout = try #require(try await fixture.started().rollout)
    let (device, version) = (fixture.fleetIDs[0], fixture.versions[1])
    let batch = [1, 2].map { Self.failure($0, rollout.deploymentId, version) }
    #expect(try await fixture.sync(device, events: batch).acknowledgedSequence == 2)
    let again = try await fixture.devices.reportEvents(
      .with {
        $0.deviceId = device
        $0.events = batch + [Self.failure(3, rollout.deploymentId, version)]
      }, context: try fixture.call(DeviceServiceMethods.reportEvents.erased))
    #expect(again.accepted == 1)
    #expect(again.duplicates == 2)
    let unknown = await refusal {
      _ = try await fixture.sync(device, events: [Self.failure(4, "nothing", version)])
    }
    #expect(unknown?.field == "events[0].deployment_id")
  }

  @Test func `labels and groups decide who is targeted, at the next sync`() async throws {
    let fixture = try await FleetFixture(devices: 2)
    let group = try #require(
      try await fixture.devices.createDeviceGroup(
        .with { $0.deviceGroup = .with { $0.name = "testers" } },
        context: try fixture.call(DeviceServiceMethods.createDeviceGroup.erased)
      ).deviceGroup)
    _ = try await fixture.started(
      policy: nil,
      targeting: .with {
        $0.groupIds = [group.id]
        $0.requirements = [
          .with {
            $0.key = "env"
            $0.operation = .in
            $0.values = ["prod"]
          }
        ]
      })
    let device = fixture.fleetIDs[0]
    #expect(try await fixture.sync(device).desiredState?.entries.isEmpty == true)
    let joined = try await fixture.devices.updateDeviceGroupMembers(
      .with {
        $0.deviceGroupId = group.id
        $0.addDeviceIds = [device, device]
      }, context: try fixture.call(DeviceServiceMethods.updateDeviceGroupMembers.erased))
    #expect(joined.added == 1)
    #expect(joined.deviceGroup?.deviceCount == 1)
    #expect(try await fixture.sync(device).desiredState?.entries.isEmpty == true)
    _ = try await fixture.devices.updateLabels(
      .with {
        $0.deviceId = device
        $0.set = ["env": "prod"]
      }, context: try fixture.call(DeviceServiceMethods.updateLabels.erased))
    let entry = try #require(try await fixture.sync(device).desiredState?.entries.first)
    #expect(entry.modelVersionId == fixture.versions[1])
    #expect(entry.sizeBytes == 7)
    #expect(entry.modelName == "vision")
    let inUse = await refusal {
      _ = try await fixture.devices.deleteDeviceGroup(
        .with { $0.deviceGroupId = group.id },
        context: try fixture.call(DeviceServiceMethods.deleteDeviceGroup.erased))
    }
    #expect(inUse?.reason == "GROUP_IN_USE")
  }

  @Test func `health tells what devices installed and that a version fails`() async throws {
    let fixture = try await FleetFixture(devices: 2)
    let rollout = try #require(try await fixture.started().rollout)
    func health() async throws -> DeploymentHealth {
      try #require(
        try await fixture.deployments.getHealth(
          .with { $0.deploymentId = rollout.deploymentId },
          context: try fixture.call(DeploymentServiceMethods.getHealth.erased)
        ).health)
    }
    #expect(try await health().state == .unknown)
    _ = try await fixture.sync(
      fixture.fleetIDs[0], deployment: rollout.deploymentId, installed: fixture.versions[0])
    #expect(try await health().state == .healthy)
    _ = try await fixture.sync(
      fixture.fleetIDs[1], deployment: rollout.deploymentId, installed: fixture.versions[1],
      state: .failed)
    let degraded = try await health()
    #expect(degraded.state == .degraded)
    #expect(degraded.versions.map(\.modelVersionId) == [fixture.versions[1], fixture.versions[0]])
    #expect(degraded.versions.map(\.failedDevices) == [1, 0])
  }

  @Test(.timeLimit(.minutes(1)))
  func `a connected device is told at once what to run`() async throws {
    let fixture = try await FleetFixture(devices: 1)
    _ = try await fixture.started(policy: nil)
    let stream = RecordedStream<ConnectResponse>()
    let context = try fixture.call(DeviceServiceMethods.connect.erased)
    try await fixture.devices.connect(
      RequestStream([
        .with { $0.content = .hello(.with { $0.deviceId = fixture.fleetIDs[0] }) },
        .with { $0.content = .report(ConnectRequest.Report()) },
      ]), responses: stream.responses, context: context)
    let (messages, error) = await stream.end()
    #expect(error == nil)
    #expect(messages.count == 2)
    guard case .desiredState(let state)? = messages.first?.content else {
      Issue.record("the desired state comes first")
      return
    }
    #expect(state.entries.map(\.modelVersionId) == [fixture.versions[1]])
    #expect(fixture.fleet.connections.count == 0)
    #expect(fixture.fleet.introductions.count(of: try context.authenticatedCaller().principal) == 0)
    let seen = try await fixture.devices.getDevice(
      .with { $0.deviceId = fixture.fleetIDs[0] },
      context: try fixture.call(DeviceServiceMethods.getDevice.erased))
    #expect(seen.device?.lastSeenAt != nil)
  }

  @Test(.timeLimit(.minutes(1)), arguments: [0, 1])
  func `a stream that does not begin with a hello is refused`(reports: Int) async throws {
    let fixture = try await FleetFixture()
    let stream = RecordedStream<ConnectResponse>()
    try await fixture.devices.connect(
      RequestStream(
        Array(repeating: .with { $0.content = .report(ConnectRequest.Report()) }, count: reports)),
      responses: stream.responses,
      context: try fixture.call(DeviceServiceMethods.connect.erased))
    #expect(await stream.end().error?.field == "hello")
  }
}
