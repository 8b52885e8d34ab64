import API
import Domain
import ProtoWire
import RPCCore
import Testing

@testable import Services

@Suite struct DeploymentEventsTests {
  typealias Methods = DeploymentServiceMethods

  static func list(
    _ fixture: FleetFixture, _ deployment: String,
    _ change: (inout ListEventsRequest) -> Void = { _ in }
  ) async throws -> ListEventsResponse {
    var request = ListEventsRequest()
    request.deploymentId = deployment
    change(&request)
    return try await fixture.deployments.listEvents(
      request, context: try fixture.call(Methods.listEvents.erased))
  }

  /// A deployment with every kind of event: its own, a rollout's, a pin's.
  static func eventful(_ fixture: FleetFixture) async throws -> String {
    let rollout = try #require(try await fixture.started().rollout)
    let deployment = rollout.deploymentId
    _ = try await pin(fixture, deployment, .canary)
    _ = try await materialize(fixture, deployment)
    _ = try await fixture.pause(rollout.id)
    return deployment
  }

  static func pin(
    _ fixture: FleetFixture, _ deployment: String, _ arm: Arm, etag: String = "",
    validateOnly: Bool = false
  ) async throws -> PinDeviceResponse {
    try await fixture.deployments.pinDevice(
      .with {
        $0.deploymentId = deployment
        $0.deviceId = fixture.fleetIDs[0]
        $0.target = .arm(arm)
        $0.reason = "qa"
        $0.etag = etag
        $0.validateOnly = validateOnly
      }, context: try fixture.call(Methods.pinDevice.erased))
  }

  static func unpin(
    _ fixture: FleetFixture, _ deployment: String, etag: String = ""
  ) async throws -> UnpinDeviceResponse {
    try await fixture.deployments.unpinDevice(
      .with {
        $0.deploymentId = deployment
        $0.deviceId = fixture.fleetIDs[0]
        $0.etag = etag
      }, context: try fixture.call(Methods.unpinDevice.erased))
  }

  static func materialize(
    _ fixture: FleetFixture, _ deployment: String, etag: String = ""
  ) async throws -> MaterializeResponse {
    try await fixture.deployments.materialize(
      .with {
        $0.deploymentId = deployment
        $0.etag = etag
      }, context: try fixture.call(Methods.materialize.erased))
  }

  static let types = [
    "rollout.paused", "deployment.materialized", "pin.created", "deployment.started",
    "rollout.started", "deployment.created",
  ]

  @Test func `each event is listed once, newest first or oldest first`() async throws {
    let fixture = try await FleetFixture(devices: 1)
    let deployment = try await Self.eventful(fixture)
    let all = try await Self.list(fixture, deployment)
    #expect(all.events.map(\.type) == Self.types)
    #expect(all.totalSize == 6)
    let oldest = try await Self.list(fixture, deployment) { $0.order = .oldestFirst }
    #expect(oldest.events == all.events.reversed())
    let skipped = try await Self.list(fixture, deployment) {
      $0.skip = 4
      $0.pageSize = 1
    }
    #expect(skipped.events.map(\.type) == ["rollout.started"])
    #expect(skipped.nextPageToken != "")
  }

  @Test(arguments: [SortOrder.newestFirst, .oldestFirst], [false, true])
  func `a walk meets every event once, also by state`(order: SortOrder, byState: Bool) async throws
  {
    let fixture = try await FleetFixture(devices: 1)
    let deployment = try await Self.eventful(fixture)
    var types: [String] = []
    var token = ""
    repeat {
      let page = try await Self.list(fixture, deployment) {
        $0.pageSize = 2
        $0.pageToken = token
        $0.order = order
        if byState { $0.states = [.draft, .active, .active] }
      }
      #expect(page.totalSize == 6)
      #expect(page.events.count == 2)
      types += page.events.map(\.type)
      token = page.nextPageToken
    } while !token.isEmpty
    #expect(types == (order == .newestFirst ? Self.types : Self.types.reversed()))
  }

  @Test func `states and types narrow the list`() async throws {
    let fixture = try await FleetFixture(devices: 1)
    let deployment = try await Self.eventful(fixture)
    let draft = try await Self.list(fixture, deployment) { $0.states = [.draft] }
    #expect(draft.events.map(\.type) == ["deployment.created"])
    #expect(draft.totalSize == 1)
    let killed = try await Self.list(fixture, deployment) { $0.states = [.killed] }
    #expect(killed.events.isEmpty)
    let rollouts = try await Self.list(fixture, deployment) {
      $0.types = ["rollout.paused", "rollout.started", "rollout.paused"]
    }
    #expect(rollouts.events.map(\.type) == ["rollout.paused", "rollout.started"])
    #expect(rollouts.totalSize == 2)
    let both = try await Self.list(fixture, deployment) {
      $0.types = ["deployment.created", "deployment.started"]
      $0.states = [.active]
    }
    #expect(both.events.map(\.type) == ["deployment.started"])
  }

  @Test(arguments: [(32, true), (33, false)])
  func `at most 32 types are named`(count: Int, isAccepted: Bool) async throws {
    let fixture = try await FleetFixture(devices: 1)
    let deployment = try await Self.eventful(fixture)
    let types = (0..<count).map { "type-\($0)" }
    func list() async throws -> ListEventsResponse {
      try await Self.list(fixture, deployment) { $0.types = types + types }
    }
    if isAccepted {
      #expect(try await list().events.isEmpty)
    } else {
      let error = await refusal { _ = try await list() }
      #expect(error?.field == "types")
      #expect(error?.message == "types: 33 types exceed 32")
    }
  }

  @Test func `a pin's events say what the device was pinned to`() async throws {
    let fixture = try await FleetFixture(devices: 1)
    let rollout = try #require(try await fixture.started().rollout)
    let deployment = rollout.deploymentId
    let revision = try fixture.base.revision()
    let dry = try await Self.pin(fixture, deployment, .control, validateOnly: true)
    #expect(dry.assignment?.reason == .pin)
    #expect(try fixture.base.revision() == revision)
    _ = try await Self.pin(fixture, deployment, .canary)
    _ = try await Self.pin(fixture, deployment, .control)
    _ = try await Self.unpin(fixture, deployment)
    _ = try await Self.unpin(fixture, deployment)
    let pins = try await Self.list(fixture, deployment) {
      $0.types = ["pin.created", "pin.updated", "pin.deleted"]
      $0.order = .oldestFirst
    }
    #expect(pins.events.map(\.type) == ["pin.created", "pin.updated", "pin.deleted"])
    #expect(pins.events.map { $0.attributes["arm"] } == ["CANARY", "CONTROL", "CONTROL"])
    #expect(pins.events.map { $0.attributes["reason"] } == ["qa", "qa", "qa"])
    #expect(pins.events.allSatisfy { $0.resourceId == fixture.fleetIDs[0] })
  }

  @Test func `pinning, unpinning and materializing refuse a stale etag of the deployment`()
    async throws
  {
    let fixture = try await FleetFixture(devices: 1)
    let started = try #require(try await fixture.started().deployment)
    let refusals = [
      await refusal { _ = try await Self.pin(fixture, started.id, .canary, etag: "1") },
      await refusal { _ = try await Self.unpin(fixture, started.id, etag: "1") },
      await refusal { _ = try await Self.materialize(fixture, started.id, etag: "1") },
    ]
    #expect(refusals.allSatisfy { $0?.code == .aborted && $0?.reason == "ETAG_MISMATCH" })
    _ = try await Self.pin(fixture, started.id, .canary, etag: started.etag)
    _ = try await Self.materialize(fixture, started.id, etag: started.etag)
    _ = try await Self.unpin(fixture, started.id, etag: started.etag)
  }

  @Test func `assignments are listed page by page, and the pinned ones alone`() async throws {
    let fixture = try await FleetFixture(devices: 5)
    let deployment = try #require(try await fixture.started().deployment).id
    _ = try await Self.pin(fixture, deployment, .canary)
    func list(
      _ change: (inout ListAssignmentsRequest) -> Void
    ) async throws -> ListAssignmentsResponse {
      var request = ListAssignmentsRequest()
      request.deploymentId = deployment
      request.pageSize = 2
      change(&request)
      return try await fixture.deployments.listAssignments(
        request, context: try fixture.call(Methods.listAssignments.erased))
    }
    for order in [SortOrder.oldestFirst, .newestFirst] {
      var devices: [String] = []
      var token = ""
      repeat {
        let page = try await list {
          $0.order = order
          $0.pageToken = token
        }
        #expect(page.totalSize == 5)
        devices += page.assignments.map(\.deviceId)
        token = page.nextPageToken
      } while !token.isEmpty
      #expect(devices == (order == .oldestFirst ? fixture.fleetIDs : fixture.fleetIDs.reversed()))
    }
    let pinned = try await list { $0.pinnedOnly = true }
    #expect(pinned.assignments.map(\.deviceId) == [fixture.fleetIDs[0]])
    #expect(pinned.assignments.first?.pin?.reason == "qa")
    #expect(pinned.totalSize == 1)
    let skipped = try await list {
      $0.skip = 4
      $0.order = .oldestFirst
    }
    #expect(skipped.assignments.map(\.deviceId) == [fixture.fleetIDs[4]])
    let unknown = await refusal { _ = try await list { $0.arm = Arm(rawValue: 9) } }
    #expect(unknown?.field == "arm")
  }
}
