import Domain
import Testing

@testable import Store

@Suite struct FleetActivityTests {
  let org = FleetSample.org
  let now = FleetSample.start

  func take(
    _ activity: FleetActivity, _ store: Store, _ device: String, _ numbers: [Int64],
    _ version: VersionID = FleetSample.v2, _ attempts: AttemptCounts
  ) throws -> (accepted: Int, acknowledged: Int64) {
    try store.read { tx in
      try activity.take(DeviceID(device), numbers: numbers, now: now, tx) { firstNew in
        guard firstNew < numbers.count else { return [:] }
        return [
          .init(deployment: DeploymentID("d"), version: version): VersionActivity(
            attempts: attempts, latency: .empty)
        ]
      }
    }
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
    #expect(try store.read { try activity.current(DeviceID("a"), $0).attempts } == failed)
    await store.flush()
    #expect(try store.read { try DeviceActivities($0).find(DeviceID("a"))?.attempts } == failed)
    // Another server process, which remembers nothing.
    let successor = FleetActivity(store)
    let after = try take(successor, store, "a", [2, 3], FleetSample.v2, failed)
    #expect(after == (1, 3))
    #expect(
      try store.read { try successor.current(DeviceID("a"), $0).attempts }
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
      try sample.store.read { tx in
        try activity.take(DeviceID("a"), numbers: numbers, now: now, tx) { _ in
          throw StoreError.failure("event 5 is wrong")
        }
      }
    }
    #expect(try take(activity, sample.store, "a", [4], FleetSample.v2, .zero) == (1, 4))
    await sample.store.flush()
    let stored = try sample.store.read { try DeviceActivities($0).find(DeviceID("a")) }
    #expect(stored?.acknowledgedSequence == 4)
  }

  @Test func `a batch that another one overtakes counts only what is new then`() async throws {
    let sample = try await FleetSample()
    try await sample.store.write { try Devices($0).insert(FleetSample.device("a")) }
    let activity = FleetActivity(sample.store)
    var firsts: [Int] = []
    let taken = try sample.store.read { tx in
      try activity.take(DeviceID("a"), numbers: [1, 2, 3], now: now, tx) { firstNew in
        firsts.append(firstNew)
        if firstNew == 0 {
          let other = try take(activity, sample.store, "a", [1, 2], FleetSample.v2, .zero)
          #expect(other == (2, 2))
        }
        return [:]
      }
    }
    #expect(taken == (1, 3))
    #expect(firsts == [0, 2])
  }

  @Test func `checking a batch takes nothing`() async throws {
    let sample = try await FleetSample()
    try await sample.store.write { try Devices($0).insert(FleetSample.device("a")) }
    let activity = FleetActivity(sample.store)
    try sample.store.read { tx in
      try activity.check(DeviceID("a"), numbers: [1, 2], tx) { #expect($0 == 0) }
      #expect(throws: DomainError.self) {
        try activity.check(DeviceID("a"), numbers: [2, 1], tx) { _ in }
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
    _ = try take(
      activity, store, "a", [1], FleetSample.v2, AttemptCounts(inferencesFailed: 1_000))
    _ = try take(
      activity, store, "b", [1], FleetSample.v2, AttemptCounts(inferencesSucceeded: 1))
    _ = try take(
      activity, store, "c", [1], FleetSample.v1, AttemptCounts(inferencesSucceeded: 5))
    // A version that the rollout does not concern.
    _ = try take(
      activity, store, "e", [1], FleetSample.v3, AttemptCounts(inferencesFailed: 5))
    await store.flush()
    var arms = try store.read { try RolloutHealth($0).arms(of: rollout.id) }
    #expect(arms.canary.errorRate == DeviceCounts(reporting: 2, failing: 1))
    #expect(arms.control.errorRate == DeviceCounts(reporting: 1, failing: 0))
    #expect(heard.deployments == [DeploymentID("d")])

    _ = try take(
      activity, store, "a", [2], FleetSample.v2, AttemptCounts(inferencesSucceeded: 100_000))
    await store.flush()
    arms = try store.read { try RolloutHealth($0).arms(of: rollout.id) }
    #expect(arms.canary.errorRate == DeviceCounts(reporting: 2, failing: 0))
    let versions = try store.read { try VersionTallies($0).of(DeploymentID("d")) }
    #expect(versions.map(\.version.rawValue) == ["v1", "v2", "v3"])
    #expect(versions[1].activity.attempts.inferencesFailed == 1_000)
  }

  /// Who was told, from any thread.
  final class Heard: Sendable {
    private let state = Monitor(Set<DeploymentID>())
    func add(_ deployments: Set<DeploymentID>) { state.withLock { $0.formUnion(deployments) } }
    var deployments: Set<DeploymentID> { state.withLock { $0 } }
  }
}
