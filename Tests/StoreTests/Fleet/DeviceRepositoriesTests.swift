import Domain
import Testing

@testable import Store

@Suite struct DeviceRepositoriesTests {
  let org = FleetSample.org
  let page = Page(limit: 10, order: .oldestFirst)

  @Test func `a device is found by its id and hardware id, in its own org only`() async throws {
    let sample = try await FleetSample()
    let device = FleetSample.device("a", labels: ["env": "prod", "note": "x=y, ünïcode"])
    try await sample.store.write { try Devices($0).insert(device) }
    try sample.store.read { (tx) throws in
      #expect(try Devices(tx).find(device.id, org: org) == device)
      #expect(try Devices(tx).find(hardwareID: "hw-a", org: org) == device)
      #expect(try Devices(tx).find(device.id, org: FleetSample.other) == nil)
      #expect(try Devices(tx).find(hardwareID: "hw-a", org: FleetSample.other) == nil)
    }
  }

  @Test func `a hardware id is unique within an org`() async throws {
    let sample = try await FleetSample()
    try await sample.store.write { try Devices($0).insert(FleetSample.device("a")) }
    let twin = Device(
      id: DeviceID("b"), org: org, hardwareID: "hw-a", registeredAt: FleetSample.start,
      traits: DeviceTraits(platform: 1, deviceClass: ""))
    await #expect(throws: StoreError.constraint(kind: "unique", name: "devices_org_hardware_id")) {
      try await sample.store.write { try Devices($0).insert(twin) }
    }
  }

  @Test func `each filter of a list narrows it`() async throws {
    let sample = try await FleetSample()
    try await sample.store.write { tx in
      let devices = Devices(tx)
      try devices.insert(FleetSample.device("a", labels: ["env": "prod", "tier": "1"]))
      try devices.insert(FleetSample.device("b", labels: ["env": "prod"]))
      try devices.insert(FleetSample.device("c"))
      try DeviceGroups(tx).insert(
        DeviceGroup(
          id: GroupID("g"), org: org, createdAt: FleetSample.start, name: "g", description: "",
          updatedAt: FleetSample.start))
      #expect(try DeviceGroups(tx).add(DeviceID("b"), to: GroupID("g")))
      let again = try DeviceGroups(tx).add(DeviceID("b"), to: GroupID("g"))
      #expect(!again)
    }
    func ids(_ change: (inout Devices.Filter) -> Void) throws -> [String] {
      var filter = Devices.Filter()
      change(&filter)
      return try sample.store.read { tx in
        let listing = try Devices(tx).list(page, org: org, filter)
        #expect(listing.total == listing.items.count)
        return listing.items.map(\.id.rawValue)
      }
    }
    #expect(try ids { _ in } == ["a", "b", "c"])
    #expect(try ids { $0.labels = ["env": "prod"] } == ["a", "b"])
    #expect(try ids { $0.labels = ["env": "prod", "tier": "1"] } == ["a"])
    #expect(try ids { $0.labels = ["env": "test"] } == [])
    #expect(try ids { $0.group = GroupID("g") } == ["b"])
    #expect(try ids { $0.platform = 1 } == [])
    #expect(try ids { $0.deviceClass = "edge" } == ["a", "b", "c"])
    #expect(try ids { $0.appIdentifier = "com.other" } == [])
    #expect(try ids { $0.hardwareID = "hw-c" } == ["c"])
    let inGroup = try sample.store.read { try Devices($0).find(DeviceID("b"), org: org)?.groups }
    #expect(inGroup == [GroupID("g")])
  }

  @Test func `changed labels replace the old ones everywhere`() async throws {
    let sample = try await FleetSample()
    var device = FleetSample.device("a", labels: ["env": "prod"])
    try await sample.store.write { [device] in try Devices($0).insert(device) }
    device.labels = Labels(unchecked: ["env": "test"])
    device.revision = 9
    try await sample.store.write { [device] in try Devices($0).update(device) }
    try sample.store.read { (tx) throws in
      #expect(try Devices(tx).find(device.id, org: org) == device)
      var filter = Devices.Filter()
      filter.labels = ["env": "prod"]
      #expect(try Devices(tx).list(page, org: org, filter).items.isEmpty)
    }
  }

  @Test func `deleting a group takes its memberships and leaves its devices`() async throws {
    let sample = try await FleetSample()
    try await sample.store.write { tx in
      try Devices(tx).insert(FleetSample.device("a"))
      try DeviceGroups(tx).insert(
        DeviceGroup(
          id: GroupID("g"), org: org, createdAt: FleetSample.start, name: "g", description: "",
          updatedAt: FleetSample.start))
      _ = try DeviceGroups(tx).add(DeviceID("a"), to: GroupID("g"))
      try DeviceGroups(tx).delete(GroupID("g"), org: org)
    }
    try sample.store.read { (tx) throws in
      #expect(try DeviceGroups(tx).find(GroupID("g"), org: org) == nil)
      #expect(try Devices(tx).find(DeviceID("a"), org: org)?.groups == [])
    }
  }

  @Test func `what devices install moves the counts of their versions`() async throws {
    let sample = try await FleetSample()
    _ = try await sample.started(FleetSample.deployment(policy: nil))
    try await sample.store.write { try Devices($0).insert(FleetSample.device("a")) }
    func report(_ version: VersionID, _ state: Installation.State) async throws {
      try await sample.store.write { tx in
        let deployment = DeploymentID("d")
        let previous = try Installations(tx).find(
          device: DeviceID("a"), deployment: deployment)
        try Installations(tx).save(
          Installation.report(
            deployment, version: version, state: state, error: "", after: previous,
            now: FleetSample.start), device: DeviceID("a"), replacing: previous)
      }
    }
    func counts() throws -> [String: [Int]] {
      try sample.store.read { (tx) throws in
        try VersionTallies(tx, sample.store.telemetry).of(DeploymentID("d")).reduce(into: [:]) {
          $0[$1.version.rawValue] = [
            $1.downloadingDevices, $1.installedDevices, $1.failedDevices,
          ]
        }
      }
    }
    try await report(FleetSample.v1, .downloading)
    #expect(try counts() == ["v1": [1, 0, 0]])
    try await report(FleetSample.v1, .installed)
    #expect(try counts() == ["v1": [0, 1, 0]])
    try await report(FleetSample.v2, .downloading)
    #expect(try counts() == ["v1": [0, 1, 0], "v2": [1, 0, 0]])
    try await report(FleetSample.v2, .failed)
    #expect(try counts() == ["v1": [0, 1, 0], "v2": [0, 0, 1]])
    try await report(FleetSample.v2, .installed)
    #expect(try counts() == ["v1": [0, 0, 0], "v2": [0, 1, 0]])
    try await report(FleetSample.v2, .removed)
    #expect(try counts() == ["v1": [0, 0, 0], "v2": [0, 0, 0]])
  }
}
