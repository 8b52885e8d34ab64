import API
import Domain
import ProtoWire
import RPCCore
import Testing

@testable import Services

@Suite struct DeviceGroupTests {
  typealias Methods = DeviceServiceMethods

  static func create(_ fixture: FleetFixture, _ name: String) async throws -> API.DeviceGroup {
    try #require(
      try await fixture.devices.createDeviceGroup(
        .with { $0.deviceGroup = .with { $0.name = name } },
        context: try fixture.call(Methods.createDeviceGroup.erased)
      ).deviceGroup)
  }

  static func get(_ fixture: FleetFixture, _ id: String) async throws -> API.DeviceGroup? {
    try await fixture.devices.getDeviceGroup(
      .with { $0.deviceGroupId = id }, context: try fixture.call(Methods.getDeviceGroup.erased)
    ).deviceGroup
  }

  static func members(
    _ fixture: FleetFixture, _ group: String, add: [String] = [], remove: [String] = []
  ) async throws -> UpdateDeviceGroupMembersResponse {
    try await fixture.devices.updateDeviceGroupMembers(
      .with {
        $0.deviceGroupId = group
        $0.addDeviceIds = add
        $0.removeDeviceIds = remove
      }, context: try fixture.call(Methods.updateDeviceGroupMembers.erased))
  }

  @Test func `a group is found by its id, its name and in its org alone`() async throws {
    let fixture = try await FleetFixture()
    let names = ["alpha", "beta", "gamma"]
    var groups: [API.DeviceGroup] = []
    for name in names { groups.append(try await Self.create(fixture, name)) }
    #expect(try await Self.get(fixture, groups[0].id) == groups[0])
    func list(_ request: ListDeviceGroupsRequest) async throws -> ListDeviceGroupsResponse {
      try await fixture.devices.listDeviceGroups(
        request, context: try fixture.call(Methods.listDeviceGroups.erased))
    }
    let named = try await list(.with { $0.name = "beta" })
    #expect(named.deviceGroups == [groups[1]])
    #expect(named.totalSize == 1)
    let first = try await list(.with { $0.pageSize = 2 })
    #expect(first.deviceGroups.map(\.name) == ["gamma", "beta"])
    #expect(first.totalSize == 3)
    let second = try await list(
      .with {
        $0.pageSize = 2
        $0.pageToken = first.nextPageToken
      })
    #expect(second.deviceGroups.map(\.name) == ["alpha"])
    #expect(second.nextPageToken.isEmpty)
    let other = try await fixture.base.otherOrg()
    let hidden = await refusal {
      _ = try await fixture.devices.getDeviceGroup(
        .with { $0.deviceGroupId = groups[0].id },
        context: try fixture.base.call(other, Methods.getDeviceGroup.erased))
    }
    #expect(hidden?.reason == "RESOURCE_NOT_FOUND")
    let taken = await refusal { _ = try await Self.create(fixture, "alpha") }
    #expect(taken?.reason == "RESOURCE_EXISTS")
  }

  @Test func `a group is renamed and described under its etag`() async throws {
    let fixture = try await FleetFixture()
    let group = try await Self.create(fixture, "alpha")
    _ = try await Self.create(fixture, "beta")
    func update(_ change: (inout UpdateDeviceGroupRequest) -> Void) async throws
      -> API.DeviceGroup?
    {
      var request = UpdateDeviceGroupRequest.with { $0.deviceGroup = .with { $0.id = group.id } }
      change(&request)
      return try await fixture.devices.updateDeviceGroup(
        request, context: try fixture.call(Methods.updateDeviceGroup.erased)
      ).deviceGroup
    }
    let renamed = try #require(
      try await update {
        $0.deviceGroup?.name = "omega"
        $0.deviceGroup?.description = "the last"
        $0.etag = group.etag
      })
    #expect(renamed.name == "omega")
    #expect(renamed.description == "the last")
    #expect(renamed.etag != group.etag)
    #expect(try await Self.get(fixture, group.id) == renamed)
    let stale = await refusal {
      _ = try await update {
        $0.deviceGroup?.name = "psi"
        $0.etag = group.etag
      }
    }
    #expect(stale?.reason == "ETAG_MISMATCH")
    let taken = await refusal { _ = try await update { $0.deviceGroup?.name = "beta" } }
    #expect(taken?.reason == "RESOURCE_EXISTS")
    let cleared = try await update {
      $0.updateMask = .with { $0.paths = ["description"] }
    }
    #expect(cleared?.name == "omega")
    #expect(cleared?.description == "")
    let unknown = await refusal {
      _ = try await update { $0.updateMask = .with { $0.paths = ["device_count"] } }
    }
    #expect(unknown?.code == .invalidArgument)
  }

  @Test func `members come and go, and who is none or one already does not count`() async throws {
    let fixture = try await FleetFixture(devices: 3)
    let ids = fixture.fleetIDs
    let group = try await Self.create(fixture, "alpha")
    let joined = try await Self.members(fixture, group.id, add: [ids[0], ids[1]])
    #expect(joined.added == 2)
    let moved = try await Self.members(
      fixture, group.id, add: [ids[1], ids[2]], remove: [ids[0], "nobody"])
    #expect(moved.added == 1)
    #expect(moved.removed == 1)
    #expect(moved.deviceGroup?.deviceCount == 2)
    #expect(moved.deviceGroup?.etag == group.etag, "members leave the etag alone")
    let listed = try await fixture.devices.listDevices(
      .with { $0.groupId = group.id }, context: try fixture.call(Methods.listDevices.erased))
    #expect(Set(listed.devices.map(\.id)) == [ids[1], ids[2]])
    #expect(listed.devices.allSatisfy { $0.groupIds == [group.id] })
    let stranger = await refusal {
      _ = try await Self.members(fixture, group.id, add: [ids[0], "nobody"])
    }
    #expect(stranger?.reason == "RESOURCE_NOT_FOUND")
    #expect(try await Self.get(fixture, group.id)?.deviceCount == 2, "all of it or nothing")
  }

  @Test(arguments: [(1_000, true), (1_001, false)])
  func `at most 1000 members change at once`(count: Int, isTaken: Bool) async throws {
    let fixture = try await FleetFixture()
    let group = try await Self.create(fixture, "alpha")
    let strangers = (0..<count).map { "nobody-\($0)" }
    let removed = await problem {
      _ = try await Self.members(fixture, group.id, remove: strangers)
    }
    #expect(removed?.field == (isTaken ? nil : "remove_device_ids"))
    let added = await problem { _ = try await Self.members(fixture, group.id, add: strangers) }
    #expect(added?.field == (isTaken ? nil : "add_device_ids"))
    #expect(added?.code == (isTaken ? .notFound : .invalidArgument))
  }

  @Test func `a group that no deployment targets is deleted, and its devices stay`() async throws {
    let fixture = try await FleetFixture(devices: 1)
    let group = try await Self.create(fixture, "alpha")
    _ = try await Self.members(fixture, group.id, add: fixture.fleetIDs)
    _ = try await fixture.devices.deleteDeviceGroup(
      .with {
        $0.deviceGroupId = group.id
        $0.etag = group.etag
      }, context: try fixture.call(Methods.deleteDeviceGroup.erased))
    let gone = await refusal { _ = try await Self.get(fixture, group.id) }
    #expect(gone?.reason == "RESOURCE_NOT_FOUND")
    let device = try await fixture.devices.getDevice(
      .with { $0.deviceId = fixture.fleetIDs[0] },
      context: try fixture.call(Methods.getDevice.erased)
    ).device
    #expect(device?.groupIds == [])
    _ = try await Self.create(fixture, "alpha")
  }
}
