import Domain
import SQL
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
    func ids(_ conditions: Condition<Device>...) throws -> [String] {
      try sample.store.read { tx in
        let listing = try Devices(tx).list(page, org: org, conditions)
        #expect(listing.total == listing.items.count)
        return listing.items.map(\.id.rawValue)
      }
    }
    #expect(try ids() == ["a", "b", "c"])
    #expect(try ids(.label("env", "prod", org: org)) == ["a", "b"])
    #expect(try ids(.label("env", "prod", org: org), .label("tier", "1", org: org)) == ["a"])
    #expect(try ids(.label("env", "test", org: org)) == [])
    #expect(try ids(.label("env", "prod", org: FleetSample.other)) == [])
    #expect(try ids(.member(of: GroupID("g"))) == ["b"])
    #expect(try ids(.platform(1)) == [])
    #expect(try ids(.deviceClass("edge")) == ["a", "b", "c"])
    #expect(try ids(.appIdentifier("com.other")) == [])
    #expect(try ids(.hardwareID("hw-c")) == ["c"])
    #expect(try ids(.running(FleetSample.v1)) == [])
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
      #expect(
        try Devices(tx).list(page, org: org, [.label("env", "prod", org: org)]).items.isEmpty)
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

  @Test func `the members of a large group leave it step by step, after it is gone`()
    async throws
  {
    let sample = try await FleetSample()
    let step = Housekeeping.sweepStep
    let members = 2 * step + 10
    try await sample.store.write { tx in
      for name in ["large", "exact", "kept"] {
        try DeviceGroups(tx).insert(
          DeviceGroup(
            id: GroupID(name), org: org, createdAt: FleetSample.start, name: name,
            description: "", updatedAt: FleetSample.start))
      }
      for index in 0..<members {
        let device = FleetSample.device("d\(index)")
        try Devices(tx).insert(device)
        _ = try DeviceGroups(tx).add(device.id, to: GroupID("large"))
        if index < step { _ = try DeviceGroups(tx).add(device.id, to: GroupID("exact")) }
        if index < 3 { _ = try DeviceGroups(tx).add(device.id, to: GroupID("kept")) }
      }
    }
    func count(_ group: String) throws -> Int {
      try sample.store.read { tx in
        try Devices(tx).list(Page(limit: 1), org: org, [.member(of: GroupID(group))]).total
      }
    }
    try await sample.store.write { tx in
      try DeviceGroups(tx).delete(GroupID("large"), org: org)
      try DeviceGroups(tx).delete(GroupID("exact"), org: org)
    }
    #expect(try sample.store.read { try DeviceGroups($0).find(GroupID("large"), org: org) } == nil)
    #expect(try count("large") == members - step, "a deletion takes one step's members")
    await sample.store.sweep()
    #expect(try count("large") == 0)
    #expect(try count("exact") == 0)
    #expect(try count("kept") == 3)
    let left = try sample.store.read { tx in
      try tx.connection.first("SELECT count(*) FROM removed_device_groups") { row in
        try row.get(0, as: Int.self)
      }
    }
    #expect(left == 0)
  }

  @Test(arguments: [false, true])
  func `devices are passed in the order of their ids from anywhere on`(descending: Bool)
    async throws
  {
    let sample = try await FleetSample()
    try await sample.store.write { tx in
      for id in ["a", "b", "c", "d"] { try Devices(tx).insert(FleetSample.device(id)) }
    }
    func passed(_ after: String?, limit: Int, until last: String = "") throws -> String {
      var passed = ""
      try sample.store.read { tx in
        try Devices(tx).forEach(
          org: org, after: after.map { DeviceID($0) }, descending: descending, limit: limit,
          withGroups: false
        ) { device in
          passed += device.id.rawValue
          return device.id.rawValue != last
        }
      }
      return passed
    }
    #expect(try passed(nil, limit: 10) == (descending ? "dcba" : "abcd"))
    #expect(try passed("b", limit: 10) == (descending ? "a" : "cd"))
    #expect(try passed(nil, limit: 2) == (descending ? "dc" : "ab"))
    #expect(try passed(nil, limit: 10, until: "c") == (descending ? "dc" : "abc"))
    #expect(try passed(descending ? "a" : "d", limit: 10) == "")
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
