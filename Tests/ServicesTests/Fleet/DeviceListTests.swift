import API
import Domain
import ProtoWire
import RPCCore
import Testing

@testable import Services

@Suite struct DeviceListTests {
  typealias Methods = DeviceServiceMethods

  /// Three devices that differ in everything a list can be narrowed by.
  static func fixture() async throws -> (FleetFixture, ids: [String: String]) {
    let fixture = try await FleetFixture()
    var ids: [String: String] = [:]
    let platforms: [Platform] = [.linux, .ios, .linux]
    for (index, name) in ["a", "b", "c"].enumerated() {
      let response = try await fixture.devices.register(
        .with {
          $0.device = .with {
            $0.hardwareId = "hw-\(name)"
            $0.platform = platforms[index]
            $0.appIdentifier = index < 2 ? "org.example.camera" : "org.example.other"
            $0.deviceClass = index == 0 ? "phone-high" : "phone-low"
            $0.labels = ["env": index == 1 ? "test" : "prod", "site": "s\(index)"]
          }
        }, context: try fixture.call(Methods.register.erased))
      ids[name] = response.device?.id
    }
    return (fixture, ids)
  }

  static func list(
    _ fixture: FleetFixture, _ change: (inout ListDevicesRequest) -> Void
  ) async throws -> ListDevicesResponse {
    var request = ListDevicesRequest()
    request.order = .oldestFirst
    change(&request)
    return try await fixture.devices.listDevices(
      request, context: try fixture.call(Methods.listDevices.erased))
  }

  @Test(arguments: [
    ("", "abc"), ("env=prod", "ac"), ("env=prod,site=s2", "c"), ("env=none", ""),
    ("platform", "b"), ("app", "ab"), ("class", "bc"), ("hardware", "b"), ("installed", "a"),
  ])
  func `a list is narrowed by what is asked for`(filter: String, expected: String) async throws {
    let (fixture, ids) = try await Self.fixture()
    let deployment = try #require(try await fixture.started(policy: nil).deployment)
    _ = try await fixture.sync(
      try #require(ids["a"]), deployment: deployment.id, installed: fixture.versions[1])
    let listed = try await Self.list(fixture) { request in
      switch filter {
      case "platform": request.platform = .ios
      case "app": request.appIdentifier = "org.example.camera"
      case "class": request.deviceClass = "phone-low"
      case "hardware": request.hardwareId = "hw-b"
      case "installed": request.installedVersionId = fixture.versions[1]
      default:
        for pair in filter.split(separator: ",") {
          let halves = pair.split(separator: "=").map(String.init)
          request.labels[halves[0]] = halves[1]
        }
      }
    }
    #expect(listed.devices.map(\.id) == expected.map { ids[String($0)] })
    #expect(listed.totalSize == expected.count)
  }

  @Test func `pages follow each other and count everything`() async throws {
    let (fixture, ids) = try await Self.fixture()
    let first = try await Self.list(fixture) { $0.pageSize = 2 }
    #expect(first.devices.map(\.id) == ["a", "b"].map { ids[$0] })
    #expect(first.totalSize == 3)
    let second = try await Self.list(fixture) {
      $0.pageSize = 2
      $0.pageToken = first.nextPageToken
    }
    #expect(second.devices.map(\.id) == [ids["c"]])
    #expect(second.nextPageToken.isEmpty)
    let foreign = await refusal {
      _ = try await Self.list(fixture) {
        $0.platform = .linux
        $0.pageToken = first.nextPageToken
      }
    }
    #expect(foreign?.reason == "INVALID_PAGE_TOKEN")
  }

  @Test(arguments: [(64, true), (65, false), (2_000, false)])
  func `at most 64 labels narrow a list`(count: Int, isTaken: Bool) async throws {
    let fixture = try await FleetFixture(devices: 1)
    let error = await problem {
      let listed = try await Self.list(fixture) { request in
        for index in 0..<count { request.labels["k\(index)"] = "v" }
      }
      #expect(listed.devices.isEmpty)
    }
    #expect(error?.field == (isTaken ? nil : "labels"))
    #expect(error?.code == (isTaken ? nil : .invalidArgument))
  }

  @Test func `labels are set, removed one by one and all at once`() async throws {
    let fixture = try await FleetFixture()
    let id = try await fixture.register("hw", labels: ["env": "prod", "site": "1", "old": "x"])
    func update(_ change: (inout UpdateLabelsRequest) -> Void) async throws -> API.Device? {
      var request = UpdateLabelsRequest.with { $0.deviceId = id }
      change(&request)
      return try await fixture.devices.updateLabels(
        request, context: try fixture.call(Methods.updateLabels.erased)
      ).device
    }
    let removed = try #require(try await update { $0.remove = ["old", "never"] })
    #expect(removed.labels == ["env": "prod", "site": "1"])
    let swapped = try await update {
      $0.remove = ["env"]
      $0.set = ["env": "test", "tier": "a"]
      $0.etag = removed.etag
    }
    #expect(swapped?.labels == ["env": "test", "site": "1", "tier": "a"])
    let stale = await refusal {
      _ = try await update {
        $0.removeAll = true
        $0.etag = removed.etag
      }
    }
    #expect(stale?.reason == "ETAG_MISMATCH")
    let fresh = try await update {
      $0.removeAll = true
      $0.set = ["only": "one"]
    }
    #expect(fresh?.labels == ["only": "one"])
    #expect(try await Self.list(fixture) { $0.labels = ["site": "1"] }.totalSize == 0)
    #expect(try await Self.list(fixture) { $0.labels = ["only": "one"] }.totalSize == 1)
  }
}
