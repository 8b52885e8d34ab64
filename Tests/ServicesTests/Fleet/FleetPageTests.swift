import API
import Domain
import ProtoWire
import RPCCore
import SQL
import Store
import Testing

@testable import Services

/// Pages and counts over a fleet of ten thousand: what they look at, told by the steps of the database engine, has a bound.
@Suite(.serialized) struct FleetPageTests {
  typealias Methods = DeploymentServiceMethods

  static let count = AssignmentScan.maximumLooks + 500

  /// A deployment over a large fleet of which a few devices have a label.
  static func fixture(
    targeting: Targeting? = nil, count: Int = FleetPageTests.count
  ) async throws -> (FleetFixture, deployment: String) {
    let fixture = try await FleetFixture()
    let org = try fixture.base.caller(fixture.base.secret).org
    for first in stride(from: 0, to: count, by: 3_000) {
      try await fixture.base.store.write { tx in
        for index in first..<min(count, first + 3_000) {
          try Devices(tx).insert(
            Domain.Device(
              id: ID(tx.makeID()), org: org, hardwareID: "hw-\(index)",
              registeredAt: Timestamp(milliseconds: 1),
              traits: DeviceTraits(platform: 5, deviceClass: ""),
              labels: index % 4_000 == 3_999 ? Labels(unchecked: ["rare": "yes"]) : .empty,
              revision: 1))
        }
      }
    }
    let started = try await fixture.started(targeting: targeting)
    return (fixture, try #require(started.deployment).id)
  }

  static func list(
    _ fixture: FleetFixture, _ deployment: String, _ token: String = "",
    _ change: (inout ListAssignmentsRequest) -> Void = { _ in }
  ) async throws -> ListAssignmentsResponse {
    var request = ListAssignmentsRequest()
    request.deploymentId = deployment
    request.pageToken = token
    request.order = .oldestFirst
    change(&request)
    return try await fixture.deployments.listAssignments(
      request, context: try fixture.call(Methods.listAssignments.erased))
  }

  /// The engine's steps, in thousands, that `body` takes.
  private static func steps(_ db: ReadTransaction, _ body: () throws -> Void) throws -> Int {
    let counter = Counter()
    db.connection.ask {
      counter.count += 1
      return true
    }
    defer { db.connection.ask(nil) }
    try body()
    return counter.count
  }

  private final class Counter: @unchecked Sendable {
    // Unchecked: asked on the thread that runs the statement, which is the test's.
    var count = 0
  }

  @Test(.timeLimit(.minutes(2)))
  func `a page costs its own devices, wherever in the fleet it lies`() async throws {
    let (fixture, deployment) = try await Self.fixture()
    let store = fixture.base.store
    let caller = try fixture.base.caller(fixture.base.secret)
    let devices = try store.read { db in
      var devices: [String] = []
      try Devices(db).forEach(org: caller.org, limit: Self.count, withGroups: false) {
        devices.append($0.id.rawValue)
        return true
      }
      return devices
    }
    for order in [Page.Order.oldestFirst, .newestFirst] {
      for place in [100, Self.count / 2, Self.count - 200] {
        try store.read { db in
          let found = try DeploymentService.deployment(deployment, caller, db)
          let scan = try AssignmentScan(found, db, store.telemetry)
          let page = Page(limit: 50, after: devices[place], order: order)
          let steps = try Self.steps(db) {
            let listing = try scan.page(page, arm: nil, pinnedOnly: false, total: 7)
            #expect(listing.items.count == 50)
            #expect(listing.total == 7)
            let first = order == .oldestFirst ? place + 1 : place - 1
            #expect(listing.items.first?.deviceId == devices[first])
          }
          #expect(steps < 20, "a page of fifty takes \(steps) thousand steps at \(place)")
        }
      }
    }
  }

  @Test(.timeLimit(.minutes(2)))
  func `where few match, a page ends with a token, and the walk finds them all`() async throws {
    let (fixture, deployment) = try await Self.fixture(
      targeting: .with {
        $0.requirements = [
          .with {
            $0.key = "rare"
            $0.operation = .exists
          }
        ]
      })
    let first = try await Self.list(fixture, deployment)
    #expect(first.assignments.count == 2)
    #expect(first.totalSize == 2)
    #expect(!first.nextPageToken.isEmpty, "five hundred devices have not been looked at")
    let second = try await Self.list(fixture, deployment, first.nextPageToken)
    #expect(second.assignments.isEmpty)
    #expect(second.nextPageToken.isEmpty)
    #expect(second.totalSize == 2)
    let newest = try await Self.list(fixture, deployment) {
      $0.order = .newestFirst
      $0.pageSize = 1
    }
    #expect(newest.assignments.count == 1)
    #expect(newest.totalSize == 2)
    let last = try await Self.list(fixture, deployment, newest.nextPageToken) {
      $0.order = .newestFirst
      $0.pageSize = 1
    }
    #expect(last.assignments.first?.deviceId == first.assignments.first?.deviceId)
    // Counted in parts, and each device once.
    let health = try #require(
      try await fixture.deployments.getDeviceHealth(
        .with { $0.deploymentId = deployment },
        context: try fixture.call(Methods.getDeviceHealth.erased)
      ).deviceHealth)
    #expect(health.targetedDevices == 2)
    let everybody = try #require(try await fixture.started().deployment).id
    let materialized = try await fixture.deployments.materialize(
      .with { $0.deploymentId = everybody },
      context: try fixture.call(Methods.materialize.erased))
    #expect(materialized.targetedDevices == Int32(Self.count))
    #expect(materialized.canaryDevices + materialized.controlDevices == Int32(Self.count))
    let walked = try await Self.list(fixture, everybody) { $0.arm = .canary }
    #expect(walked.assignments.count == 50)
    #expect(walked.assignments.allSatisfy { $0.arm == .canary })
  }

  @Test func `a report that took long is kept for ten times as long, at most a minute`() {
    let reports = FleetReports()
    let deployment = DeploymentID("d")
    func report(_ time: Int64) -> FleetReport {
      FleetReport(
        counts: .init(), activity: .none, failures: [], failingDevices: 0,
        computedAt: Timestamp(milliseconds: time))
    }
    #expect(reports.find(deployment, at: 0) == nil)
    reports.keep(report(1), of: deployment, from: 1_000, to: 1_200)
    #expect(reports.find(deployment, at: 3_199)?.computedAt == Timestamp(milliseconds: 1))
    #expect(reports.find(deployment, at: 3_200) == nil)
    #expect(reports.find(DeploymentID("e"), at: 1_200) == nil)
    reports.keep(report(2), of: deployment, from: 0, to: 20_000)
    #expect(reports.find(deployment, at: 79_999)?.computedAt == Timestamp(milliseconds: 2))
    #expect(reports.find(deployment, at: 80_000) == nil)
  }
}
