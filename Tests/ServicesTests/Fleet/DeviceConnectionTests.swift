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
    _ = fixture.fleet.connections.add(
      connection, org: caller.org, after: try fixture.base.revision())
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
}
