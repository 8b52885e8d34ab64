import API
import Domain
import ProtoWire
import RPCCore
import Testing

@testable import Services

@Suite struct PreconditionTests {
  @Test func `a deployment without a version to run does not start`() async throws {
    let fixture = try await FleetFixture()
    let created = try await fixture.deployments.createDeployment(
      .with {
        $0.deployment = .with {
          $0.name = "eyes"
          $0.target = .fleet(.with { $0.modelVariantId = fixture.variant })
        }
      }, context: try fixture.call(DeploymentServiceMethods.createDeployment.erased))
    let error = await refusal {
      _ = try await fixture.deployments.startDeployment(
        .with { $0.deploymentId = created.deployment?.id ?? "" },
        context: try fixture.call(DeploymentServiceMethods.startDeployment.erased))
    }
    #expect(error?.code == .failedPrecondition)
    #expect(error?.reason == "NO_VERSION")
  }

  @Test func `a disabled principal gets no key`() async throws {
    let fixture = try await FleetFixture()
    let caller = try fixture.base.caller(try await fixture.base.principal("gone", [.viewer]))
    try await CallerLeaseTests.Cause.disabled.happen(to: caller, fixture)
    let error = await refusal {
      _ = try await fixture.base.auth.createApiKey(
        .with { $0.principalId = caller.principal.rawValue },
        context: try fixture.call(AuthServiceMethods.createApiKey.erased))
    }
    #expect(error?.code == .failedPrecondition)
    #expect(error?.reason == "RESOURCE_DISABLED")
  }

  @Test func `validate_only says what would happen to devices and groups, and nothing happens`()
    async throws
  {
    let fixture = try await FleetFixture(devices: 1)
    let group = try await DeviceGroupTests.create(fixture, "alpha")
    let before = try fixture.base.revision()
    let device = fixture.fleetIDs[0]
    let registered = try await fixture.devices.register(
      .with {
        $0.device = .with {
          $0.hardwareId = "new"
          $0.platform = .linux
        }
        $0.validateOnly = true
      }, context: try fixture.call(DeviceServiceMethods.register.erased))
    #expect(registered.created)
    let labelled = try await fixture.devices.updateLabels(
      .with {
        $0.deviceId = device
        $0.set = ["a": "b"]
        $0.validateOnly = true
      }, context: try fixture.call(DeviceServiceMethods.updateLabels.erased))
    #expect(labelled.device?.labels == ["a": "b"])
    let joined = try await fixture.devices.updateDeviceGroupMembers(
      .with {
        $0.deviceGroupId = group.id
        $0.addDeviceIds = [device]
        $0.validateOnly = true
      }, context: try fixture.call(DeviceServiceMethods.updateDeviceGroupMembers.erased))
    #expect(joined.added == 1)
    _ = try await fixture.devices.deleteDeviceGroup(
      .with {
        $0.deviceGroupId = group.id
        $0.validateOnly = true
      }, context: try fixture.call(DeviceServiceMethods.deleteDeviceGroup.erased))
    #expect(try fixture.base.revision() == before)
    #expect(try await DeviceGroupTests.get(fixture, group.id) == group)
    let listed = try await DeviceListTests.list(fixture) { _ in }
    #expect(listed.devices.map(\.id) == [device])
    #expect(listed.devices.first?.labels == [:])
  }

  @Test func `a repeated request changes devices and groups once`() async throws {
    let fixture = try await FleetFixture(devices: 1)
    let request = CreateDeviceGroupRequest.with {
      $0.deviceGroup = .with { $0.name = "alpha" }
      $0.requestId = "r1"
    }
    func create(_ request: CreateDeviceGroupRequest) async throws -> API.DeviceGroup? {
      try await fixture.devices.createDeviceGroup(
        request, context: try fixture.call(DeviceServiceMethods.createDeviceGroup.erased)
      ).deviceGroup
    }
    let group = try #require(try await create(request))
    #expect(try await create(request) == group)
    var other = request
    other.deviceGroup?.name = "beta"
    let reused = await refusal { _ = try await create(other) }
    #expect(reused?.reason == "REQUEST_ID_REUSED")
    let join = UpdateDeviceGroupMembersRequest.with {
      $0.deviceGroupId = group.id
      $0.addDeviceIds = fixture.fleetIDs
      $0.requestId = "r2"
    }
    for _ in 0..<2 {
      let joined = try await fixture.devices.updateDeviceGroupMembers(
        join, context: try fixture.call(DeviceServiceMethods.updateDeviceGroupMembers.erased))
      #expect(joined.added == 1, "the second is the first answer")
    }
    let label = UpdateLabelsRequest.with {
      $0.deviceId = fixture.fleetIDs[0]
      $0.set = ["a": "b"]
      $0.requestId = "r3"
    }
    let events = try fixture.base.revision()
    var etags: Set<String> = []
    for _ in 0..<2 {
      let labelled = try await fixture.devices.updateLabels(
        label, context: try fixture.call(DeviceServiceMethods.updateLabels.erased))
      etags.insert(labelled.device?.etag ?? "")
    }
    #expect(etags.count == 1)
    #expect(try fixture.base.revision() == events + 1)
  }
}
