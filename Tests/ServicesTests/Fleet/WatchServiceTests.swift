import API
import Domain
import ProtoWire
import RPCCore
import Testing

@testable import Services
@testable import Store

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

  @Test(.timeLimit(.minutes(1)), arguments: [Int64(0), 1])
  func `a watch of what the caller's org does not have is refused, resumed or not`(
    revision: Int64
  ) async throws {
    let fixture = try await FleetFixture()
    let known = try #require(try await fixture.started().deployment).id
    let refused = await refusal {
      try await fixture.deployments.watchDeployments(
        .with {
          $0.fromRevision = revision
          $0.deploymentIds = [known, "nothing"]
        }, responses: ResponseStream { _ in },
        context: try fixture.call(DeploymentServiceMethods.watchDeployments.erased))
    }
    #expect(refused?.code == .notFound)
    #expect(refused?.message == "there is no deployment \"nothing\"")
  }

  @Test(.timeLimit(.minutes(1)))
  func `a part of a snapshot ends before it is too large to be read`() async throws {
    let fixture = try await FleetFixture()
    let values = (0..<20).map { "\($0)-" + String(repeating: "v", count: 240) }
    for _ in 0..<24 {
      _ = try await fixture.started(
        policy: nil,
        targeting: .with { targeting in
          targeting.requirements = (0..<32).map { index in
            .with {
              $0.key = "key-\(index)"
              $0.operation = .notIn
              $0.values = values
            }
          }
        })
    }
    let (responses, stream) = Self.messages(WatchDeploymentsResponse.self)
    try await fixture.deployments.watchDeployments(
      WatchDeploymentsRequest(), responses: responses,
      context: try fixture.call(DeploymentServiceMethods.watchDeployments.erased))
    var sizes: [Int] = []
    for await message in stream {
      guard case .snapshot(let part)? = message.content else { break }
      #expect(message.encodedSize < 2 << 20)
      sizes.append(part.deployments.count)
      if part.complete { break }
    }
    #expect(sizes.count > 2)
    #expect(sizes.reduce(0, +) == 24)
    let listed = try await fixture.deployments.listDeployments(
      ListDeploymentsRequest(),
      context: try fixture.call(DeploymentServiceMethods.listDeployments.erased))
    #expect(listed.deployments.count < 24)
    #expect(!listed.nextPageToken.isEmpty)
    #expect(listed.encodedSize < 2 << 20)
  }

  @Test func `a row is read once between two commits, whoever wants it`() async throws {
    let fixture = try await FleetFixture()
    let (store, rows) = (fixture.base.store, LatestRows<String>())
    var reads = 0
    func row(_ id: String) throws -> String? {
      try rows.row(id, "org", store) { org, _ in
        reads += 1
        return id.isEmpty ? nil : "\(org) \(id) \(reads)"
      }
    }
    #expect(try row("a") == "org a 1")
    #expect(try row("a") == "org a 1")
    #expect(try row("") == nil)
    #expect(try row("") == nil)
    #expect(reads == 2, "what is not there is known too")
    _ = try await fixture.register("hw")
    #expect(try row("a") == "org a 3")
    #expect(try row("a") == "org a 3")
  }

  @Test(.timeLimit(.minutes(1)), arguments: [99, 100, 101, 201])
  func `a snapshot comes in parts of a hundred, the last one marked`(
    count: Int
  ) async throws {
    let fixture = try await FleetFixture()
    for _ in 0..<count { _ = try await DeploymentServiceTests.create(fixture) }
    let (responses, stream) = Self.messages(WatchDeploymentsResponse.self)
    try await fixture.deployments.watchDeployments(
      WatchDeploymentsRequest(), responses: responses,
      context: try fixture.call(DeploymentServiceMethods.watchDeployments.erased))
    var sizes: [Int] = []
    var ids: Set<String> = []
    let head = try fixture.base.revision()
    for await message in stream {
      guard case .snapshot(let part)? = message.content else {
        Issue.record("a snapshot comes first")
        return
      }
      #expect(message.revision == head)
      sizes.append(part.deployments.count)
      ids.formUnion(part.deployments.map(\.id))
      if part.complete { break }
    }
    #expect(ids.count == count)
    #expect(sizes.dropLast().allSatisfy { $0 == 100 })
    #expect(sizes.count == (count + 99) / 100)
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

  @Test(.timeLimit(.minutes(1)))
  func `health is computed once for all who watch it, and forgotten with the last of them`()
    async throws
  {
    let fixture = try await FleetFixture(devices: 1)
    let rollout = try #require(try await fixture.started().rollout)
    let deployment = DeploymentID(rollout.deploymentId)
    let board = fixture.fleet.health
    let streams = (0..<200).map { _ in RecordedStream<WatchHealthResponse>() }
    for stream in streams {
      try await fixture.deployments.watchHealth(
        .with { $0.deploymentId = rollout.deploymentId }, responses: stream.responses,
        context: try fixture.call(DeploymentServiceMethods.watchHealth.erased))
    }
    let before = board.readings(of: deployment)
    _ = try await fixture.sync(
      fixture.fleetIDs[0], deployment: rollout.deploymentId, installed: fixture.versions[0])
    for stream in streams {
      let messages = await stream.next { $0.content.health?.state == .healthy }
      #expect(messages.compactMap { $0.content.health?.state }.last == .healthy)
    }
    // One for what woke it, and some that the time passing may have added; not one a watch.
    #expect(board.readings(of: deployment) - before < 20)
    #expect(board.count == 1)
    fixture.base.store.close()
    for stream in streams { _ = await stream.end() }
    #expect(board.count == 0)
  }

  @Test(.timeLimit(.minutes(1)), arguments: ["deployments", "rollout", "health"])
  func `a revision that was compacted, or has not happened, is no place to resume from`(
    watch: String
  ) async throws {
    let clock = ManualClock(Timestamp(milliseconds: 4_000_000_000_000))
    var configuration = StoreConfiguration()
    configuration.eventRetentionMilliseconds = 1_000
    configuration.clock = { clock.now.milliseconds }
    let fixture = try await FleetFixture(configuration)
    let rollout = try #require(try await fixture.started().rollout)
    clock.now = clock.now + .seconds(2)
    await fixture.base.store.sweep()
    let newest = try fixture.base.revision()
    for (revision, reason) in [
      (newest - 1, "REVISION_COMPACTED"), (newest + 1, "REVISION_IN_FUTURE"),
      (Int64.max, "REVISION_IN_FUTURE"),
    ] {
      let error = await Self.outcome(of: watch, fixture, rollout, from: revision)
      #expect(error?.code == .outOfRange)
      #expect(error?.reason == reason)
    }
  }

  @Test(.timeLimit(.minutes(1)))
  func `the watch of one environment leaves the others out`() async throws {
    let fixture = try await FleetFixture()
    let (responses, stream) = Self.messages(WatchDeploymentsResponse.self)
    try await fixture.deployments.watchDeployments(
      .with { $0.environment = .production }, responses: responses,
      context: try fixture.call(DeploymentServiceMethods.watchDeployments.erased))
    for (name, environment) in [("a", Environment.staging), ("b", .production)] {
      try await Self.create(fixture, name, environment)
    }
    var names: [String] = []
    for await message in stream {
      switch message.content {
      case .snapshot(let part)?: names += part.deployments.map(\.name)
      case .event(let change)?: names.append(change.deployment?.name ?? "")
      case .bookmark?, nil: break
      }
      if names.last == "b" { break }
    }
    #expect(names == ["b"])
    let again = RecordedStream<WatchDeploymentsResponse>()
    try await fixture.deployments.watchDeployments(
      .with { $0.environment = .staging }, responses: again.responses,
      context: try fixture.call(DeploymentServiceMethods.watchDeployments.erased))
    guard case .snapshot(let part)? = await again.next(until: { _ in true }).last?.content else {
      Issue.record("a snapshot comes first")
      return
    }
    #expect(part.deployments.map(\.name) == ["a"])
  }

  @Test(.timeLimit(.minutes(1)), arguments: [(0, [0]), (100, [100]), (101, [100, 1])])
  func `a snapshot comes in parts of 100, the last of which says so`(
    count: Int, sizes: [Int]
  ) async throws {
    let fixture = try await FleetFixture()
    for index in 0..<count { try await Self.create(fixture, "d\(index)", .staging) }
    let stream = RecordedStream<WatchDeploymentsResponse>()
    try await fixture.deployments.watchDeployments(
      WatchDeploymentsRequest(), responses: stream.responses,
      context: try fixture.call(DeploymentServiceMethods.watchDeployments.erased))
    var found: [Int] = []
    var names: Set<String> = []
    _ = await stream.next { message in
      guard case .snapshot(let part)? = message.content else { return true }
      found.append(part.deployments.count)
      names.formUnion(part.deployments.map(\.name))
      return part.complete
    }
    #expect(found == sizes)
    #expect(names.count == count)
  }

  @Test(.timeLimit(.minutes(1)))
  func `a quiet watch is told again and again how far it has seen`() async throws {
    var configuration = StoreConfiguration()
    configuration.bookmarkIntervalMilliseconds = 20
    let fixture = try await FleetFixture(configuration)
    let stream = RecordedStream<WatchDeploymentsResponse>()
    try await fixture.deployments.watchDeployments(
      WatchDeploymentsRequest(), responses: stream.responses,
      context: try fixture.call(DeploymentServiceMethods.watchDeployments.erased))
    // Somebody else's change moves the bookmark too.
    _ = try await fixture.base.otherOrg()
    let newest = try fixture.base.revision()
    var bookmarks: [Int64] = []
    _ = await stream.next { message in
      if case .bookmark? = message.content { bookmarks.append(message.revision) }
      return bookmarks.count { $0 == newest } == 3
    }
    #expect(bookmarks == bookmarks.sorted())
  }

  @Test(.timeLimit(.minutes(1)), arguments: [Int64(0), 1])
  func `a deployment that is not there cannot be watched, resumed or not`(revision: Int64)
    async throws
  {
    let fixture = try await FleetFixture()
    let error = await refusal {
      try await fixture.deployments.watchDeployments(
        .with {
          $0.deploymentIds = ["nothing"]
          $0.fromRevision = revision
        }, responses: ResponseStream { _ in },
        context: try fixture.call(DeploymentServiceMethods.watchDeployments.erased))
    }
    #expect(error?.reason == "RESOURCE_NOT_FOUND")
  }

  @discardableResult
  static func create(
    _ fixture: FleetFixture, _ name: String, _ environment: Environment
  ) async throws -> String {
    try await fixture.deployments.createDeployment(
      .with {
        $0.deployment = .with {
          $0.name = name
          $0.environment = environment
          $0.target = .fleet(
            .with {
              $0.modelVariantId = fixture.variant
              $0.desiredVersionId = fixture.versions[1]
            })
        }
      }, context: try fixture.call(DeploymentServiceMethods.createDeployment.erased)
    ).deployment?.id ?? ""
  }

  /// What a watch that resumes from `revision` is told, by the call or by its stream.
  static func outcome(
    of watch: String, _ fixture: FleetFixture, _ rollout: API.Rollout, from revision: Int64
  ) async -> RPCError? {
    let deployments = fixture.deployments
    switch watch {
    case "deployments":
      let stream = RecordedStream<WatchDeploymentsResponse>()
      let early = await problem {
        try await deployments.watchDeployments(
          .with { $0.fromRevision = revision }, responses: stream.responses,
          context: try fixture.call(DeploymentServiceMethods.watchDeployments.erased))
      }
      return if let early { early } else { await stream.end().error }
    case "rollout":
      let stream = RecordedStream<WatchRolloutResponse>()
      let early = await problem {
        try await deployments.watchRollout(
          .with {
            $0.rolloutId = rollout.id
            $0.fromRevision = revision
          }, responses: stream.responses,
          context: try fixture.call(DeploymentServiceMethods.watchRollout.erased))
      }
      return if let early { early } else { await stream.end().error }
    default:
      let stream = RecordedStream<WatchHealthResponse>()
      let early = await problem {
        try await deployments.watchHealth(
          .with {
            $0.deploymentId = rollout.deploymentId
            $0.fromRevision = revision
          }, responses: stream.responses,
          context: try fixture.call(DeploymentServiceMethods.watchHealth.erased))
      }
      return if let early { early } else { await stream.end().error }
    }
  }
}

extension Optional<WatchHealthResponse.Content> {
  fileprivate var health: DeploymentHealth? {
    if case .snapshot(let health)? = self { health } else { nil }
  }
}
