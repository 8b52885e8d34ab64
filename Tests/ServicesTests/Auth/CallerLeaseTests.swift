import API
import Domain
import ProtoWire
import RPCCore
import Store
import Testing

@testable import Services

@Suite struct CallerLeaseTests {
  /// Why a caller may no longer go on.
  enum Cause: CaseIterable, CustomStringConvertible {
    case revoked, disabled, demoted

    var description: String {
      switch self {
      case .revoked: "its key is revoked"
      case .disabled: "its principal is disabled"
      case .demoted: "its principal loses the role"
      }
    }

    var outcome: (StatusCode, String) {
      switch self {
      case .revoked, .disabled: (.unauthenticated, "API_KEY_INVALID")
      case .demoted: (.permissionDenied, "ROLE_MISSING")
      }
    }

    func happen(to caller: Caller, _ fixture: FleetFixture) async throws {
      let auth = fixture.base.auth
      switch self {
      case .revoked:
        _ = try await auth.revokeApiKey(
          .with { $0.apiKeyId = caller.key.rawValue },
          context: try fixture.call(AuthServiceMethods.revokeApiKey.erased))
      case .disabled:
        _ = try await auth.updatePrincipal(
          .with {
            $0.principal = .with {
              $0.id = caller.principal.rawValue
              $0.disabled = true
            }
          }, context: try fixture.call(AuthServiceMethods.updatePrincipal.erased))
      case .demoted:
        _ = try await auth.updatePrincipal(
          .with {
            $0.principal = .with {
              $0.id = caller.principal.rawValue
              $0.roles = [.device]
            }
          }, context: try fixture.call(AuthServiceMethods.updatePrincipal.erased))
      }
    }
  }

  static func configuration(bookmarks milliseconds: Int64) -> StoreConfiguration {
    var configuration = StoreConfiguration()
    configuration.bookmarkIntervalMilliseconds = milliseconds
    return configuration
  }

  /// A watch of all deployments by a viewer.
  static func watch(
    _ fixture: FleetFixture, _ secret: String
  ) async throws -> RecordedStream<WatchDeploymentsResponse> {
    let stream = RecordedStream<WatchDeploymentsResponse>()
    try await fixture.deployments.watchDeployments(
      WatchDeploymentsRequest(), responses: stream.responses,
      context: try fixture.base.call(secret, DeploymentServiceMethods.watchDeployments.erased))
    return stream
  }

  @Test(.timeLimit(.minutes(1)), arguments: Cause.allCases)
  func `a quiet watch ends at its next bookmark when its caller may not go on`(cause: Cause)
    async throws
  {
    let fixture = try await FleetFixture(Self.configuration(bookmarks: 20))
    let secret = try await fixture.base.principal("watcher", [.viewer])
    let caller = try fixture.base.caller(secret)
    let stream = try await Self.watch(fixture, secret)
    try await cause.happen(to: caller, fixture)
    let error = await stream.end().error
    #expect(error?.code == cause.outcome.0)
    #expect(error?.reason == cause.outcome.1)
  }

  @Test(.timeLimit(.minutes(1)), arguments: Cause.allCases)
  func `not one event is sent to a caller who may not go on`(cause: Cause) async throws {
    let fixture = try await FleetFixture(Self.configuration(bookmarks: 3_600_000))
    let secret = try await fixture.base.principal("watcher", [.viewer])
    let caller = try fixture.base.caller(secret)
    let stream = try await Self.watch(fixture, secret)
    _ = await stream.next { message in
      if case .bookmark? = message.content { true } else { false }
    }
    try await cause.happen(to: caller, fixture)
    _ = try await fixture.started()
    let (messages, error) = await stream.end()
    #expect(messages.isEmpty)
    #expect(error?.reason == cause.outcome.1)
  }

  @Test(.timeLimit(.minutes(1)))
  func `a watch ends when the key expires`() async throws {
    let clock = ManualClock(Timestamp(milliseconds: StoreClock.nowMilliseconds()))
    let fixture = try await FleetFixture(
      Self.configuration(bookmarks: 20), now: { clock.now })
    let created = try await fixture.base.auth.createApiKey(
      .with {
        $0.displayName = "short"
        $0.expiresAt = .with { $0.seconds = clock.now.seconds + 3_600 }
      }, context: try fixture.call(AuthServiceMethods.createApiKey.erased))
    let stream = try await Self.watch(fixture, created.secret)
    // A bookmark tells that it is alive.
    _ = await stream.next { message in
      if case .bookmark? = message.content { true } else { false }
    }
    clock.now = clock.now + .seconds(3_601)
    #expect(await stream.end().error?.reason == "API_KEY_INVALID")
  }

  @Test(.timeLimit(.minutes(1)), arguments: Cause.allCases)
  func `the watch of health ends too`(cause: Cause) async throws {
    let fixture = try await FleetFixture(Self.configuration(bookmarks: 20))
    let secret = try await fixture.base.principal("watcher", [.viewer])
    let caller = try fixture.base.caller(secret)
    let deployment = try #require(try await fixture.started().deployment)
    let stream = RecordedStream<WatchHealthResponse>()
    try await fixture.deployments.watchHealth(
      .with { $0.deploymentId = deployment.id }, responses: stream.responses,
      context: try fixture.base.call(secret, DeploymentServiceMethods.watchHealth.erased))
    try await cause.happen(to: caller, fixture)
    #expect(await stream.end().error?.reason == cause.outcome.1)
  }

  @Test(.timeLimit(.minutes(1)))
  func `a change of somebody else's key ends nothing`() async throws {
    let fixture = try await FleetFixture(Self.configuration(bookmarks: 20))
    let other = try fixture.base.caller(try await fixture.base.principal("other", [.viewer]))
    let stream = try await Self.watch(
      fixture, try await fixture.base.principal("watcher", [.viewer]))
    try await Cause.revoked.happen(to: other, fixture)
    _ = try await fixture.started()
    let messages = await stream.next { message in
      if case .event(let change)? = message.content {
        change.event?.type == "deployment.started"
      } else {
        false
      }
    }
    #expect(!messages.isEmpty)
  }
}
