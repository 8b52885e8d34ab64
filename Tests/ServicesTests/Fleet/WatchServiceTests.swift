import API
import Domain
import ProtoWire
import RPCCore
import Testing

@testable import Services

@Suite struct WatchServiceTests {
  /// Messages of a stream that outlives its handler, as they come.
  static func messages<M: Message>(_ type: M.Type) -> (ResponseStream<M>, AsyncStream<M>) {
    let (stream, continuation) = AsyncStream<M>.makeStream()
    return (ResponseStream { continuation.yield($0) }, stream)
  }

  @Test(.timeLimit(.minutes(1)))
  func `a rollout's watch begins with a snapshot and leaves no change out`() async throws {
    let fixture = try await FleetFixture()
    var rollout = try #require(try await fixture.started().rollout)
    let (responses, stream) = Self.messages(WatchRolloutResponse.self)
    try await fixture.deployments.watchRollout(
      .with { $0.rolloutId = rollout.id }, responses: responses,
      context: try fixture.call(DeploymentServiceMethods.watchRollout.erased))
    for _ in 0..<3 { rollout = try await fixture.advance(rollout.id, etag: rollout.etag) }
    var log: [String] = []
    var revisions: [Int64] = []
    for await message in stream {
      revisions.append(message.revision)
      switch message.content {
      case .snapshot(let rollout)?: log.append("snapshot \(rollout.exposureMillionths)")
      case .event(let change)?: log.append(change.event?.type ?? "")
      case .bookmark?, nil: break
      }
      if log.last == "rollout.completed" { break }
    }
    #expect(
      log == [
        "snapshot 50000", "rollout.advanced", "rollout.advanced", "rollout.advanced",
        "rollout.completed",
      ])
    #expect(revisions == revisions.sorted())
  }

  @Test(.timeLimit(.minutes(1)))
  func `a watch resumes after its revision and repeats nothing`() async throws {
    let fixture = try await FleetFixture()
    var rollout = try #require(try await fixture.started().rollout)
    let seen = try #require(Int64(rollout.etag))
    for _ in 0..<2 { rollout = try await fixture.advance(rollout.id, etag: rollout.etag) }
    let (responses, stream) = Self.messages(WatchRolloutResponse.self)
    try await fixture.deployments.watchRollout(
      .with {
        $0.rolloutId = rollout.id
        $0.fromRevision = seen
      }, responses: responses,
      context: try fixture.call(DeploymentServiceMethods.watchRollout.erased))
    var exposures: [String] = []
    for await message in stream {
      guard case .event(let change)? = message.content else { continue }
      exposures.append(change.event?.attributes["exposure_millionths"] ?? "")
      if exposures.count == 2 { break }
    }
    #expect(exposures == ["250000", "1000000"])
  }

  @Test(.timeLimit(.minutes(1)))
  func `the watch of all deployments tells of each with its rollout's changes`() async throws {
    let fixture = try await FleetFixture()
    let (responses, stream) = Self.messages(WatchDeploymentsResponse.self)
    try await fixture.deployments.watchDeployments(
      WatchDeploymentsRequest(), responses: responses,
      context: try fixture.call(DeploymentServiceMethods.watchDeployments.erased))
    _ = try await fixture.started()
    var log: [String] = []
    for await message in stream {
      switch message.content {
      case .snapshot(let part)?: log.append("\(part.deployments.count) \(part.complete)")
      case .event(let change)?: log.append(change.event?.type ?? "")
      case .bookmark?, nil: break
      }
      if log.last == "deployment.started" { break }
    }
    #expect(
      log == ["0 true", "deployment.created", "rollout.started", "deployment.started"])
  }

  @Test(.timeLimit(.minutes(1)))
  func `a revision below 0 is refused`() async throws {
    let fixture = try await FleetFixture()
    let rollout = try #require(try await fixture.started().rollout)
    let refused = await refusal {
      try await fixture.deployments.watchRollout(
        .with {
          $0.rolloutId = rollout.id
          $0.fromRevision = -1
        }, responses: ResponseStream { _ in },
        context: try fixture.call(DeploymentServiceMethods.watchRollout.erased))
    }
    #expect(refused?.field == "from_revision")
  }

  @Test(.timeLimit(.minutes(1)))
  func `the watch of health sends the latest state when devices have reported`() async throws {
    let fixture = try await FleetFixture(devices: 1)
    let rollout = try #require(try await fixture.started().rollout)
    let (responses, stream) = Self.messages(WatchHealthResponse.self)
    try await fixture.deployments.watchHealth(
      .with { $0.deploymentId = rollout.deploymentId }, responses: responses,
      context: try fixture.call(DeploymentServiceMethods.watchHealth.erased))
    _ = try await fixture.sync(
      fixture.fleetIDs[0], deployment: rollout.deploymentId, installed: fixture.versions[0])
    var states: [DeploymentHealth.State] = []
    for await message in stream {
      if case .snapshot(let health)? = message.content { states.append(health.state) }
      if states.last == .healthy { break }
    }
    #expect(states == [.unknown, .healthy])
  }
}
