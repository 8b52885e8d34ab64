import Domain
import SQL
import Testing

@testable import Store

@Suite struct FleetActivityTests {
  let org = FleetSample.org
  let now = FleetSample.start

  func take(
    _ activity: FleetActivity, _ store: Store, _ device: String, _ numbers: [Int64],
    _ version: VersionID = FleetSample.v2, _ attempts: AttemptCounts,
    on side: FleetActivity.Side? = nil, latest: LatestOutcomes = .none
  ) throws -> (accepted: Int, acknowledged: Int64) {
    let taken = try activity.take(DeviceID(device), numbers: numbers, now: now) { firstNew in
      guard firstNew < numbers.count else { return .nothing }
      var told = FleetActivity.Told(versions: [
        .init(deployment: DeploymentID("d"), version: version): VersionActivity(
          attempts: attempts, latency: .empty)
      ])
      if let side { told.sides[side] = DeviceStanding(attempts: attempts, latest: latest) }
      return told
    }
    return (taken.accepted, taken.acknowledged)
  }

  @Test func `an event is counted once, before and after it is written down`() async throws {
    let sample = try await FleetSample()
    let store = sample.store
    try await store.write { try Devices($0).insert(FleetSample.device("a")) }
    let activity = FleetActivity(store)
    let failed = AttemptCounts(inferencesFailed: 1)
    let first = try take(activity, store, "a", [1, 2], FleetSample.v2, failed)
    #expect(first == (2, 2))
    let again = try take(activity, store, "a", [1, 2], FleetSample.v2, failed)
    #expect(again == (0, 2))
    #expect(try activity.current(DeviceID("a")).attempts == failed)
    await store.flush()
    #expect(
      try store.telemetry.read { try DeviceActivities($0).find(DeviceID("a"))?.attempts } == failed)
    // Another server process, which remembers nothing.
    let successor = FleetActivity(store)
    let after = try take(successor, store, "a", [2, 3], FleetSample.v2, failed)
    #expect(after == (1, 3))
    #expect(
      try successor.current(DeviceID("a")).attempts
        == AttemptCounts(inferencesFailed: 2))
  }

  @Test func `a refused batch takes no number`() async throws {
    let sample = try await FleetSample()
    try await sample.store.write { try Devices($0).insert(FleetSample.device("a")) }
    let activity = FleetActivity(sample.store)
    #expect(throws: DomainError.self) {
      try take(activity, sample.store, "a", [2, 1], FleetSample.v2, .zero)
    }
    #expect(try take(activity, sample.store, "a", [1], FleetSample.v2, .zero) == (1, 1))
  }

  @Test func `a batch with an event that is wrong takes no number either`() async throws {
    let sample = try await FleetSample()
    try await sample.store.write { try Devices($0).insert(FleetSample.device("a")) }
    let activity = FleetActivity(sample.store)
    let numbers: [Int64] = [4, 5]
    #expect(throws: StoreError.self) {
      try activity.take(DeviceID("a"), numbers: numbers, now: now) { _ in
        throw StoreError.failure("event 5 is wrong")
      }
    }
    #expect(try take(activity, sample.store, "a", [4], FleetSample.v2, .zero) == (1, 4))
    await sample.store.flush()
    let stored = try sample.store.telemetry.read { try DeviceActivities($0).find(DeviceID("a")) }
    #expect(stored?.acknowledgedSequence == 4)
  }

  @Test func `a batch that another one overtakes counts only what is new then`() async throws {
    let sample = try await FleetSample()
    try await sample.store.write { try Devices($0).insert(FleetSample.device("a")) }
    let activity = FleetActivity(sample.store)
    var firsts: [Int] = []
    let taken = try sample.store.read { _ in
      try activity.take(DeviceID("a"), numbers: [1, 2, 3], now: now) { firstNew in
        firsts.append(firstNew)
        if firstNew == 0 {
          let other = try take(activity, sample.store, "a", [1, 2], FleetSample.v2, .zero)
          #expect(other == (2, 2))
        }
        return .nothing
      }
    }
    #expect(taken.accepted == 1 && taken.acknowledged == 3)
    #expect(firsts == [0, 2])
  }

  /// Runs `body` while nothing that devices report gets to the disk.
  private func whileHeld<R>(_ store: Store, _ body: () async throws -> R) async throws -> R {
    let (held, release) = (Signal(), Monitor(false))
    let writing = Task {
      try await store.telemetry.write { _ in
        held.fire()
        _ = release.wait { $0 ? true : nil }
      }
    }
    await held.wait()
    let result: Result<R, any Error>
    do { result = .success(try await body()) } catch { result = .failure(error) }
    release.withLock { $0 = true }
    release.broadcast()
    try await writing.value
    return try result.get()
  }

  @Test func `a report without events is answered with what is on disk`() async throws {
    let sample = try await FleetSample()
    let store = sample.store
    try await store.write { try Devices($0).insert(FleetSample.device("a")) }
    let activity = FleetActivity(store)
    func told() throws -> Int64 {
      try take(activity, store, "a", [], FleetSample.v2, .zero).acknowledged
    }
    let taken = try await whileHeld(store) {
      let taken = try activity.take(DeviceID("a"), numbers: [1, 2], now: now) { _ in .nothing }
      #expect(taken.acknowledged == 2)
      #expect(try told() == 0, "what is on its way may not arrive")
      #expect(
        try take(activity, store, "a", [2, 3], FleetSample.v2, .zero) == (1, 3), "and counts once")
      #expect(try told() == 0)
      return taken
    }
    try await taken.isOnDisk()
    #expect(try told() >= 2)
    await store.flush()
    #expect(try told() == 3)
  }

  @Test func `a reset is done once, whenever its repeats come`() async throws {
    let sample = try await FleetSample()
    let store = sample.store
    try await store.write { try Devices($0).insert(FleetSample.device("a")) }
    let activity = FleetActivity(store)
    let device = DeviceID("a")
    let once = AttemptCounts(inferencesFailed: 1)
    func failures() throws -> Int64 { try activity.current(device).attempts.inferencesFailed }
    #expect(try take(activity, store, "a", [500], FleetSample.v2, once) == (1, 500))
    try await activity.resetSequence(of: device, number: 1)
    #expect(try take(activity, store, "a", [1, 2], FleetSample.v2, once) == (2, 2))
    try await activity.resetSequence(of: device, number: 1)
    #expect(
      try take(activity, store, "a", [1, 2], FleetSample.v2, once) == (0, 2), "nothing counts twice"
    )
    #expect(try failures() == 2)
    await store.flush()
    // Another server process, which remembers nothing; and an older reset.
    let successor = FleetActivity(store)
    try await successor.resetSequence(of: device, number: 1)
    try await successor.resetSequence(of: device, number: 0)
    #expect(try take(successor, store, "a", [2], FleetSample.v2, .zero) == (0, 2))
    try await successor.resetSequence(of: device, number: 2)
    #expect(try take(successor, store, "a", [1], FleetSample.v2, .zero) == (1, 1))
    #expect(try activity.current(device).lastSeenAt == now, "the device did not call")
  }

  @Test func `a reset and its repeats at once, between reports, lose and double nothing`()
    async throws
  {
    let sample = try await FleetSample()
    let store = sample.store
    try await store.write { try Devices($0).insert(FleetSample.device("a")) }
    let activity = FleetActivity(store)
    let device = DeviceID("a")
    let once = AttemptCounts(inferencesFailed: 1)
    #expect(try take(activity, store, "a", [500], FleetSample.v2, once) == (1, 500))
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<2 {
        group.addTask { try await activity.resetSequence(of: device, number: 1) }
      }
      // The first is on its way, and so is what the device reports after it.
      try await whileHeld(store) {
        while try take(activity, store, "a", [1], FleetSample.v2, once) != (1, 1) {
          await Task.yield()
        }
        group.addTask { try await activity.resetSequence(of: device, number: 1) }
        // A report without events of before the reset does not bring the old number back.
        _ = try take(activity, store, "a", [], FleetSample.v2, .zero)
      }
      try await group.waitForAll()
    }
    await store.flush()
    #expect(try take(activity, store, "a", [1], FleetSample.v2, once) == (0, 1))
    let stored = try store.telemetry.read { try DeviceActivities($0).find(device) }
    #expect(stored?.acknowledgedSequence == 1 && stored?.sequenceResets == 1)
    #expect(stored?.attempts.inferencesFailed == 2)
  }

  @Test func `checking a batch takes nothing`() async throws {
    let sample = try await FleetSample()
    try await sample.store.write { try Devices($0).insert(FleetSample.device("a")) }
    let activity = FleetActivity(sample.store)
    try sample.store.read { _ in
      try activity.check(DeviceID("a"), numbers: [1, 2]) { #expect($0 == 0) }
      #expect(throws: DomainError.self) {
        try activity.check(DeviceID("a"), numbers: [2, 1]) { _ in }
      }
    }
    #expect(try take(activity, sample.store, "a", [1, 2], FleetSample.v2, .zero) == (2, 2))
  }

  @Test func `gates count devices of both arms, not attempts`() async throws {
    let sample = try await FleetSample()
    let store = sample.store
    let started = try await sample.started(
      FleetSample.deployment(policy: try FleetSample.policy()))
    let rollout = try #require(started.rollout)
    let names = ["a", "b", "c", "e"]
    try await store.write { tx in
      for name in names { try Devices(tx).insert(FleetSample.device(name)) }
    }
    let activity = FleetActivity(store)
    let heard = Heard()
    activity.onReport { heard.add($0) }
    let canary = FleetActivity.Side(rollout: rollout, arm: .canary)
    let control = FleetActivity.Side(rollout: rollout, arm: .control)
    _ = try take(
      activity, store, "a", [1], FleetSample.v2, AttemptCounts(inferencesFailed: 1_000), on: canary)
    _ = try take(
      activity, store, "b", [1], FleetSample.v2, AttemptCounts(inferencesSucceeded: 1), on: canary)
    _ = try take(
      activity, store, "c", [1], FleetSample.v1, AttemptCounts(inferencesSucceeded: 5), on: control)
    // A version that the rollout does not concern.
    _ = try take(
      activity, store, "e", [1], FleetSample.v3, AttemptCounts(inferencesFailed: 5))
    await store.flush()
    var arms = try store.telemetry.read { try RolloutHealth($0).arms(of: rollout.id, window: 0) }
    #expect(arms.canary.errorRate == DeviceCounts(reporting: 2, failing: 1))
    #expect(arms.control.errorRate == DeviceCounts(reporting: 1, failing: 0))
    #expect(heard.deployments == [DeploymentID("d")])

    _ = try take(
      activity, store, "a", [2], FleetSample.v2, AttemptCounts(inferencesSucceeded: 100_000),
      on: canary)
    await store.flush()
    arms = try store.telemetry.read { try RolloutHealth($0).arms(of: rollout.id, window: 0) }
    #expect(arms.canary.errorRate == DeviceCounts(reporting: 2, failing: 0))
    let versions = try store.read { try VersionTallies($0, store.telemetry).of(DeploymentID("d")) }
    #expect(versions.map(\.version.rawValue) == ["v1", "v2", "v3"])
    #expect(versions[1].activity.attempts.inferencesFailed == 1_000)
  }

  /// A sample with a rollout and devices "a" to "c".
  func rolling() async throws -> (FleetSample, FleetActivity, Rollout) {
    let sample = try await FleetSample()
    let started = try await sample.started(
      FleetSample.deployment(policy: try FleetSample.policy()))
    try await sample.store.write { tx in
      for name in ["a", "b", "c"] { try Devices(tx).insert(FleetSample.device(name)) }
    }
    return (sample, FleetActivity(sample.store), try #require(started.rollout))
  }

  @Test func `a device that moves to the new version counts there alone`() async throws {
    let (sample, activity, rollout) = try await rolling()
    let store = sample.store
    let canary = FleetActivity.Side(rollout: rollout, arm: .canary)
    let control = FleetActivity.Side(rollout: rollout, arm: .control)
    let ok = AttemptCounts(inferencesSucceeded: 10)
    for name in ["a", "b"] {
      _ = try take(activity, store, name, [1], FleetSample.v1, ok, on: control)
    }
    await store.flush()
    _ = try take(activity, store, "a", [2], FleetSample.v2, ok, on: canary)
    await store.flush()
    var arms = try store.telemetry.read { try RolloutHealth($0).arms(of: rollout.id, window: 0) }
    #expect(arms.canary.errorRate == DeviceCounts(reporting: 1, failing: 0))
    #expect(arms.control.errorRate == DeviceCounts(reporting: 1, failing: 0))
    // Both in one flush: the side it came to last.
    _ = try take(activity, store, "c", [1], FleetSample.v1, ok, on: control)
    _ = try take(activity, store, "c", [2], FleetSample.v2, ok, on: canary)
    await store.flush()
    arms = try store.telemetry.read { try RolloutHealth($0).arms(of: rollout.id, window: 0) }
    #expect(arms.canary.errorRate.reporting == 2)
    #expect(arms.control.errorRate.reporting == 1)
    // At full exposure nobody would be left to compare with.
    var full = rollout
    full.exposure = .full
    _ = try take(
      activity, store, "b", [2], FleetSample.v2, ok,
      on: FleetActivity.Side(rollout: full, arm: .canary))
    await store.flush()
    arms = try store.telemetry.read { try RolloutHealth($0).arms(of: rollout.id, window: 0) }
    #expect(arms.canary.errorRate.reporting == 3)
    #expect(arms.control.errorRate.reporting == 1)
  }

  @Test func `a new window forgives what failed and keeps what was healthy`() async throws {
    let (sample, activity, rollout) = try await rolling()
    let store = sample.store
    let first = FleetActivity.Side(rollout: rollout, arm: .canary)
    let failed = AttemptCounts(inferencesFailed: 10)
    _ = try take(activity, store, "a", [1], FleetSample.v2, failed, on: first)
    _ = try take(
      activity, store, "b", [1], FleetSample.v2, AttemptCounts(downloadsSucceeded: 1), on: first,
      latest: LatestOutcomes(download: true, activation: true))
    await store.flush()
    var resumed = rollout
    resumed.window = 1
    let second = FleetActivity.Side(rollout: resumed, arm: .canary)
    func arm() throws -> ArmHealth {
      try store.telemetry.read { try RolloutHealth($0).arms(of: rollout.id, window: 1).canary }
    }
    #expect(try arm().errorRate == DeviceCounts(reporting: 1, failing: 0))
    #expect(try arm().downloadFailures == DeviceCounts(reporting: 1, failing: 0))
    // What was told before and is written down later is of the window that is over.
    _ = try take(
      activity, store, "a", [2], FleetSample.v2, AttemptCounts(inferencesSucceeded: 1), on: second)
    await store.flush()
    #expect(try arm().errorRate == DeviceCounts(reporting: 2, failing: 0))
    _ = try take(activity, store, "c", [1], FleetSample.v2, failed, on: first)
    await store.flush()
    #expect(try arm().errorRate == DeviceCounts(reporting: 2, failing: 0))
    _ = try take(activity, store, "b", [2], FleetSample.v2, failed, on: second)
    await store.flush()
    #expect(try arm().errorRate == DeviceCounts(reporting: 2, failing: 1))
    #expect(try arm().downloadFailures == DeviceCounts(reporting: 1, failing: 0))
  }

  @Test func `an error is kept until the device runs the version, of the newest versions only`()
    async throws
  {
    let (sample, activity, rollout) = try await rolling()
    let (store, deployment) = (sample.store, DeploymentID("d"))
    func tell(_ device: String, _ version: String, _ error: String?, at second: Int64) throws {
      let key = FleetActivity.VersionKey(deployment: deployment, version: VersionID(version))
      _ = try store.read { _ in
        try activity.take(DeviceID(device), numbers: [], now: now) { _ in
          .init(failures: [
            key: error.map {
              DeviceFailure(
                version: VersionID(version), rollout: rollout.id, error: $0,
                failedAt: now + .seconds(second))
            }
          ])
        }
      }
    }
    func kept(_ device: String) throws -> [String] {
      try store.telemetry.read { tx in
        try DeviceFailures(tx).of(DeviceID(device), deployment: deployment)
          .map { "\($0.version) \($0.error)" }
      }
    }
    try tell("a", "v2", "no memory", at: 1)
    try tell("b", "v2", "no memory", at: 2)
    try tell("c", "v3", "no disk", at: 3)
    await store.flush()
    let groups = try store.telemetry.read {
      try DeviceFailures($0).groups(of: deployment, limit: 20)
    }
    #expect(groups.map { "\($0.error) \($0.devices)" } == ["no memory 2", "no disk 1"])
    #expect(try store.telemetry.read { try DeviceFailures($0).deviceCount(of: deployment) } == 3)
    try tell("a", "v1", nil, at: 4)
    try tell("b", "v2", nil, at: 4)
    await store.flush()
    #expect(try kept("a") == ["v2 no memory"])
    #expect(try kept("b") == [])
    for number in 10..<20 { try tell("a", "v\(number)", "", at: Int64(number)) }
    await store.flush()
    #expect(try kept("a").count == DeviceFailure.maximumKept)
    #expect(try kept("a").first == "v19 ")
  }

  @Test func `stored latencies that do not decode cost themselves alone and are told of once`()
    async throws
  {
    var configuration = StoreConfiguration()
    let told = Told()
    configuration.onDamage = { told.add($0) }
    let sample = try await FleetSample(configuration)
    let store = sample.store
    let activity = FleetActivity(store)
    let once = AttemptCounts(inferencesFailed: 1)
    for device in ["a", "b"] {
      _ = try take(activity, store, device, [1], FleetSample.v2, once)
    }
    await store.flush()
    try await store.telemetry.write { tx in
      try tx.connection.execute(
        "UPDATE device_activity SET latency = $1 WHERE device = 'a'", [9] as [UInt8])
      try tx.connection.execute("UPDATE version_activity SET latency = $1", [9] as [UInt8])
    }
    for number in [Int64(2), 3] {
      for device in ["a", "b"] {
        _ = try take(activity, store, device, [number], FleetSample.v2, once)
      }
      await store.flush()
    }
    for device in ["a", "b"] {
      let stored = try store.telemetry.read { try DeviceActivities($0).find(DeviceID(device)) }
      #expect(stored?.attempts.inferencesFailed == 3)
      #expect(stored?.acknowledgedSequence == 3)
    }
    let versions = try store.read { try VersionTallies($0, store.telemetry).of(DeploymentID("d")) }
    #expect(versions.map(\.activity.attempts.inferencesFailed) == [6])
    #expect(told.all.count == 2 && store.telemetry.damagedRows == 2)
  }

  /// What was told, from any thread.
  private final class Told: Sendable {
    private let state = Monitor<[String]>([])
    func add(_ what: String) { state.withLock { $0.append(what) } }
    var all: [String] { state.withLock { $0 } }
  }

  /// Who was told, from any thread.
  final class Heard: Sendable {
    private let state = Monitor(Set<DeploymentID>())
    func add(_ deployments: Set<DeploymentID>) { state.withLock { $0.formUnion(deployments) } }
    var deployments: Set<DeploymentID> { state.withLock { $0 } }
  }
}
