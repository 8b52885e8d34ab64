import API
import Domain
import ProtoWire
import RPCCore
import Store
import Testing

@testable import Services

/// Connections without the call that reads their reports.
@Suite struct DeviceConnectionTests {
  static func connect(
    _ fixture: FleetFixture, _ device: String, secret: String? = nil
  ) throws -> (RecordedStream<ConnectResponse>, DeviceConnection, Caller) {
    let stream = RecordedStream<ConnectResponse>()
    let context = try fixture.base.call(
      secret ?? fixture.base.secret, DeviceServiceMethods.connect.erased)
    let caller = try context.authenticatedCaller()
    let connection = DeviceConnection(
      fixture.fleet, device: DeviceID(device), caller: caller, stream: stream.responses.detach(),
      fixture.base.rules, context)
    fixture.fleet.connections.add(connection, org: caller.org)
    connection.push()
    return (stream, connection, caller)
  }

  /// The versions of the next desired state.
  static func state(_ stream: RecordedStream<ConnectResponse>) async -> [String]? {
    guard case .desiredState(let state)? = await stream.next(until: { _ in true }).last?.content
    else { return nil }
    return state.entries.map(\.modelVersionId)
  }

  @Test(.timeLimit(.minutes(1)))
  func `a connected device is told of a change when it happens`() async throws {
    let fixture = try await FleetFixture(devices: 1)
    let (stream, _, _) = try Self.connect(fixture, fixture.fleetIDs[0])
    #expect(await Self.state(stream) == [])
    _ = try await fixture.started(policy: nil)
    #expect(await Self.state(stream) == [fixture.versions[1]])
  }

  @Test(
    .timeLimit(.minutes(1)),
    arguments: [
      (WatchEnd.failed("the log cannot be read"), StatusCode.internalError, "INTERNAL"),
      (.closed, .unavailable, "SHUTTING_DOWN"),
    ])
  func `when the subscription ends its devices are sent away, and the next one is told of changes`(
    end: WatchEnd, code: StatusCode, reason: String
  ) async throws {
    let fixture = try await FleetFixture(devices: 1)
    let connections = fixture.fleet.connections
    let (first, _, caller) = try Self.connect(fixture, fixture.fleetIDs[0])
    let lost = try #require(connections.subscription(of: caller.org))
    connections.subscriptionEnded(lost, caller.org, end)
    let error = await first.end().error
    #expect(error?.code == code)
    #expect(error?.reason == reason)
    #expect(connections.count == 0)
    let (second, _, _) = try Self.connect(fixture, fixture.fleetIDs[0])
    #expect(await Self.state(second) == [])
    // The end of a subscription that nobody relies on any more is nobody's business.
    connections.subscriptionEnded(lost, caller.org, end)
    #expect(connections.count == 1)
    _ = try await fixture.started(policy: nil)
    #expect(await Self.state(second) == [fixture.versions[1]])
  }

  @Test(.timeLimit(.minutes(1)))
  func `a server that closes its watches sends devices away, later ones at once`() async throws {
    let fixture = try await FleetFixture(devices: 1)
    let (first, _, _) = try Self.connect(fixture, fixture.fleetIDs[0])
    fixture.base.store.endWatches()
    #expect(await first.end().error?.reason == "SHUTTING_DOWN")
    let (second, _, _) = try Self.connect(fixture, fixture.fleetIDs[0])
    #expect(await second.end().error?.reason == "SHUTTING_DOWN")
    #expect(fixture.fleet.connections.count == 0)
  }

  @Test(.timeLimit(.minutes(1)), arguments: CallerLeaseTests.Cause.allCases)
  func `a device whose caller may not go on is sent away`(cause: CallerLeaseTests.Cause)
    async throws
  {
    let fixture = try await FleetFixture(
      devices: 1, CallerLeaseTests.configuration(bookmarks: 20))
    let secret = try await fixture.base.principal("device", [.device])
    let (stream, _, caller) = try Self.connect(fixture, fixture.fleetIDs[0], secret: secret)
    if cause == .demoted {
      _ = try await fixture.base.auth.updatePrincipal(
        .with {
          $0.principal = .with {
            $0.id = caller.principal.rawValue
            $0.roles = [.viewer]
          }
        }, context: try fixture.call(AuthServiceMethods.updatePrincipal.erased))
    } else {
      try await cause.happen(to: caller, fixture)
    }
    let error = await stream.end().error
    #expect(error?.code == cause.outcome.0)
    #expect(error?.reason == cause.outcome.1)
  }

  @Test(.timeLimit(.minutes(1)))
  func `a device that is sent away is pushed nothing`() async throws {
    let fixture = try await FleetFixture(
      devices: 1, CallerLeaseTests.configuration(bookmarks: 3_600_000))
    let secret = try await fixture.base.principal("device", [.device])
    let (stream, connection, caller) = try Self.connect(
      fixture, fixture.fleetIDs[0], secret: secret)
    #expect(await Self.state(stream) == [])
    try await CallerLeaseTests.Cause.revoked.happen(to: caller, fixture)
    _ = try await fixture.started(policy: nil)
    connection.push()
    let (messages, error) = await stream.end()
    #expect(messages.isEmpty)
    #expect(error?.code == .unauthenticated)
  }

  /// Whom the events after `revision` concern, by device.
  private func concerned(
    _ fixture: FleetFixture, _ caller: Caller, after revision: Int64
  ) throws -> Set<String> {
    let events = try fixture.base.store.read { db in
      try EventLog(db).page(after: revision, org: caller.org.rawValue, limit: 100)
    }
    #expect(!events.isEmpty)
    let wakeUps = Set(events.compactMap { WakeUp($0.event) })
    return Set(
      fixture.fleet.connections.concerned(by: wakeUps, caller.org).map(\.device.rawValue))
  }

  @Test(.timeLimit(.minutes(1)))
  func `events wake only the devices that they concern`() async throws {
    let fixture = try await FleetFixture(devices: 3)
    let (devices, fleet) = (fixture.devices, fixture.fleetIDs)
    var caller: Caller?
    for device in fleet { caller = try Self.connect(fixture, device).2 }
    let known = try #require(caller)
    func events(_ change: () async throws -> Void) async throws -> Set<String> {
      let revision = try fixture.base.revision()
      try await change()
      let found = try concerned(fixture, known, after: revision)
      // As the hub has it done.
      for connection in fixture.fleet.connections.all(of: known.org) { connection.push() }
      return found
    }
    #expect(try await events { _ = try await fixture.register("new") } == [])
    let labelled = try await events {
      _ = try await devices.updateLabels(
        .with {
          $0.deviceId = fleet[1]
          $0.set = ["env": "prod"]
        }, context: try fixture.call(DeviceServiceMethods.updateLabels.erased))
    }
    #expect(labelled == [fleet[1]])
    let rotated = try await events {
      _ = try await devices.rotateDeviceKey(
        .with { $0.deviceId = fleet[1] },
        context: try fixture.call(DeviceServiceMethods.rotateDeviceKey.erased))
    }
    #expect(rotated == [])
    var group = ""
    func join(_ device: String) async throws {
      _ = try await devices.updateDeviceGroupMembers(
        .with {
          $0.deviceGroupId = group
          $0.addDeviceIds = [device]
        }, context: try fixture.call(DeviceServiceMethods.updateDeviceGroupMembers.erased))
    }
    let untargeted = try await events {
      group =
        try await devices.createDeviceGroup(
          .with { $0.deviceGroup = .with { $0.name = "testers" } },
          context: try fixture.call(DeviceServiceMethods.createDeviceGroup.erased)
        ).deviceGroup?.id ?? ""
      try await join(fleet[0])
    }
    #expect(untargeted == [], "no deployment targets the group")
    var rollout = ""
    let started = try await events {
      rollout =
        try await fixture.started(targeting: .with { $0.groupIds = [group] }).rollout?.id ?? ""
    }
    #expect(started == [fleet[0]])
    #expect(try await events { try await join(fleet[2]) } == [fleet[2]])
    #expect(try await events { _ = try await fixture.pause(rollout) } == [fleet[0], fleet[2]])
  }

  @Test(.timeLimit(.minutes(1)))
  func `what was withdrawn wakes everybody once, and later changes whom they concern`() async throws
  {
    let world = try await RollbackReachTests.World(devices: 3)
    let (fixture, left) = (world.fixture, world.fixture.fleetIDs[0])
    _ = try await fixture.sync(left, deployment: world.deployment, installed: world.v2)
    try await RollbackReachTests.World.label(left, ["ring": "last"], fixture)
    let (stream, _, known) = try Self.connect(fixture, left)
    for device in fixture.fleetIDs.dropFirst() { _ = try Self.connect(fixture, device) }
    #expect(await Self.state(stream) == [])
    try await world.rollBack()
    #expect(await Self.state(stream) == [world.v1])
    // It runs what it should, and the deployment has nothing more to say to it.
    _ = try await fixture.sync(left, deployment: world.deployment, installed: world.v1)
    for connection in fixture.fleet.connections.all(of: known.org) { connection.push() }
    let revision = try fixture.base.revision()
    _ = try await DeploymentServiceTests.update(
      fixture,
      .with {
        $0.id = world.deployment
        $0.labels = ["a": "b"]
      }, ["labels"])
    #expect(
      try concerned(fixture, known, after: revision) == Set(fixture.fleetIDs.dropFirst()))
  }

  @Test(.timeLimit(.minutes(1)))
  func `a device that connects anew gets in, and its connection from before ends with the reason`()
    async throws
  {
    let fixture = try await FleetFixture(devices: 2)
    let connections = fixture.fleet.connections
    let (neighbour, _, _) = try Self.connect(fixture, fixture.fleetIDs[1])
    let (first, old, caller) = try Self.connect(fixture, fixture.fleetIDs[0])
    #expect(await Self.state(first) == [])
    let (second, _, _) = try Self.connect(fixture, fixture.fleetIDs[0])
    let error = await first.end().error
    #expect(error?.code == .aborted)
    #expect(error?.reason == "CONNECTION_REPLACED")
    #expect(error?.message.contains(fixture.fleetIDs[0]) == true)
    #expect(
      error?.details.contains { $0.typeUrl.hasSuffix("/google.rpc.RetryInfo") } == true,
      "two with one key take turns")
    #expect(connections.count == 2)
    // The end of the old one comes late, as of a device whose router forgot it.
    connections.remove(old, org: caller.org)
    #expect(connections.count == 2)
    #expect(await Self.state(second) == [])
    #expect(await Self.state(neighbour) == [])
    _ = try await fixture.started(policy: nil)
    #expect(await Self.state(second) == [fixture.versions[1]])
    #expect(await Self.state(neighbour) == [fixture.versions[1]])
  }

  @Test(.timeLimit(.minutes(1)))
  func `Materialize has every device look again, and its rehearsal none`() async throws {
    let fixture = try await FleetFixture(devices: 2)
    let id = DeploymentID(try #require(try await fixture.started(policy: nil).deployment).id)
    let (stream, _, caller) = try Self.connect(fixture, fixture.fleetIDs[0])
    let (_, neighbour, _) = try Self.connect(fixture, fixture.fleetIDs[1])
    #expect(await Self.state(stream) == [fixture.versions[1]])
    /// Changes what devices get without an event, so that none hears of it by itself.
    func set(_ version: Int) async throws {
      let version = VersionID(fixture.versions[version])
      try await fixture.base.store.write { tx in
        var deployment = try #require(try Deployments(tx).find(id, org: caller.org))
        deployment.activeVersion = version
        try Deployments(tx).update(deployment)
      }
    }
    func materialize(_ request: String, rehearsal: Bool = false) async throws -> Int32 {
      try await fixture.deployments.materialize(
        .with {
          $0.deploymentId = id.rawValue
          $0.requestId = request
          $0.validateOnly = rehearsal
        }, context: try fixture.call(DeploymentServiceMethods.materialize.erased)
      ).targetedDevices
    }
    try await set(2)
    #expect(try await materialize("1", rehearsal: true) == 2)
    // Behind whatever there was to do.
    await fixture.fleet.connections.greet(neighbour)
    try await set(0)
    let revision = try fixture.base.revision()
    #expect(try await materialize("1") == 2)
    // The version in between was told to nobody.
    #expect(await Self.state(stream) == [fixture.versions[0]])
    #expect(try fixture.base.revision() == revision + 1)
    _ = try await fixture.register("new")
    let known = try fixture.base.revision()
    #expect(try await materialize("1") == 2, "a repeat is answered with the first count")
    #expect(try fixture.base.revision() == known)
    #expect(try await materialize("2") == 3)
  }

  @Test func `of the streams that say no hello a caller keeps the newest`() {
    let (many, other) = (PrincipalID("many"), PrincipalID("other"))
    let introductions = Introductions<String>()
    #expect(introductions.begin("stranger", of: other, limit: 1).oldest == nil)
    let first = introductions.begin("1", of: many, limit: 2)
    #expect(first.oldest == nil)
    #expect(introductions.begin("2", of: many, limit: 2).oldest == nil)
    introductions.end(first.number, of: many)
    introductions.end(first.number, of: many)
    #expect(introductions.begin("3", of: many, limit: 2).oldest == nil, "the first has gone")
    #expect(introductions.begin("4", of: many, limit: 2).oldest == "2")
    #expect(introductions.count(of: many) == 2)
    #expect(introductions.begin("again", of: other, limit: 1).oldest == "stranger")
    // One that stays while thousands come and go.
    for _ in 0..<10_000 {
      let passing = introductions.begin("passing", of: other, limit: 2)
      #expect(passing.oldest == nil)
      introductions.end(passing.number, of: other)
    }
    #expect(introductions.count(of: other) == 1)
  }

  @Test func `what gates think wakes nobody and leaves every index as it is`() async throws {
    let fixture = try await FleetFixture(devices: 1)
    let id = RolloutID(try #require(try await fixture.started().rollout).id)
    let org = try fixture.base.caller(fixture.base.secret).org
    let store = fixture.base.store
    func epoch() throws -> Int64 {
      try store.read { try fixture.fleet.indexes.index(org: org, $0).epoch }
    }
    let (before, revision) = (try epoch(), try fixture.base.revision())
    try await store.write { tx in
      let rollout = try #require(try Rollouts(tx).find(id, org: org))
      let deployment = try #require(try Deployments(tx).find(rollout.deployment, org: org))
      var judged = rollout
      judged.verdicts = [
        Gate.judge(
          GateRule(
            id: GateID("g"), metric: .errorRate, comparison: .absolute, threshold: 50_000,
            minimumDevices: 5, action: .pause), canary: ArmHealth.zero, control: ArmHealth.zero,
          windowStart: rollout.createdAt, now: rollout.createdAt, previous: nil)
      ]
      _ = try DeploymentJournal(tx, author: EventAuthor(actor: "automator", method: "gates"))
        .update(judged, replacing: rollout, of: deployment, .init("judged", message: "hold"))
    }
    let events = try store.read {
      try EventLog($0).page(after: revision, org: org.rawValue, limit: 10)
    }
    #expect(events.map(\.event.kind) == ["rollout.judged"])
    #expect(events.compactMap { WakeUp($0.event) }.isEmpty)
    #expect(try epoch() == before)
    #expect(try store.read { try Rollouts($0).find(id, org: org) }?.revision == revision + 1)
  }

  @Test func `a wake-up survives its encoding`() {
    for wakeUp in [
      WakeUp.device(DeviceID("a")), .group(GroupID("b")), .deployment(DeploymentID("c")),
    ] { #expect(WakeUp(wakeUp.bytes) == wakeUp) }
    #expect(WakeUp([UInt8(ascii: "x"), 1]) == nil)
  }
}
