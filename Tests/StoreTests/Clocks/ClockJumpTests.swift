import Domain
import Testing

@testable import Store

/// A wall clock that is set a year ahead or back, and set right again, with or without a start in between: nothing that was decided by
/// it stays wrong, and nothing is removed that is not old.
@Suite struct ClockJumpTests {
  private static let hour: Int64 = 3_600_000
  private static let day = 24 * hour

  /// How the wall clock goes wrong.
  struct Jump: Sendable, CustomTestStringConvertible {
    let by: Int64
    let restarts: Bool
    var testDescription: String {
      "a year \(by > 0 ? "ahead" : "back")\(restarts ? ", and a start" : "")"
    }
  }

  static let jumps = [ManualClocks.year, -ManualClocks.year].flatMap { by in
    [false, true].map { Jump(by: by, restarts: $0) }
  }

  private final class World {
    let clocks = ManualClocks()
    let temporary: TemporaryStore
    private let configuration: StoreConfiguration
    var store: Store { temporary.store }

    init(_ change: (inout StoreConfiguration) -> Void = { _ in }) throws {
      var configuration = clocks.configuration
      change(&configuration)
      self.configuration = configuration
      temporary = try TemporaryStore(configuration)
    }

    /// Sets the clock; a restart happens while no server runs.
    func set(by milliseconds: Int64, restarts: Bool) throws {
      guard restarts else { return clocks.set(by: milliseconds) }
      temporary.store.close()
      clocks.set(by: milliseconds)
      try temporary.reopen(configuration)
    }

    /// Time passes, and the store sweeps each hour.
    func pass(hours: Int64) async {
      for _ in 0..<hours {
        clocks.pass(ClockJumpTests.hour)
        await store.sweep()
      }
    }

    func append(_ name: String) async throws {
      try await store.write { _ = try $0.append(.sample(name)) }
    }

    var events: [String] {
      get throws {
        try store.read {
          try EventLog($0).page(after: 0, org: nil, limit: 10_000).map(\.event.resourceID)
        }
      }
    }
  }

  @Test(arguments: jumps)
  func `no event is removed before its time, and each some time after it`(jump: Jump) async throws {
    let world = try World { $0.eventRetentionMilliseconds = 10 * ClockJumpTests.day }
    try await world.append("before")
    await world.pass(hours: 1)
    try world.set(by: jump.by, restarts: jump.restarts)
    try await world.append("during")
    await world.pass(hours: 2)
    #expect(try world.events == ["before", "during"])
    try world.set(by: -jump.by, restarts: jump.restarts)
    try await world.append("after")
    await world.pass(hours: 1)
    #expect(try world.events == ["before", "during", "after"])
    // The clock is right, and goes on.
    await world.pass(hours: 9 * 24)
    #expect(try world.events == ["before", "during", "after"])
    try await world.append("late")
    await world.pass(hours: 24)
    #expect(try world.events == ["late"])
  }

  @Test func `a clock that stays wrong removes at most twice as fast`() async throws {
    let world = try World { $0.eventRetentionMilliseconds = 10 * ClockJumpTests.day }
    try await world.append("first")
    world.clocks.set(by: ManualClocks.year)
    await world.pass(hours: 4 * 24)
    #expect(try world.events == ["first"])
    await world.pass(hours: 25)
    #expect(try world.events == [], "more than ten days by the age clock")
  }

  @Test(arguments: jumps)
  func `a request that is repeated gets its answer all day`(jump: Jump) async throws {
    let world = try World()
    func send(_ id: String) async throws -> Bool {
      let key = IdempotencyKey(org: "o", principal: "p", method: "m", requestID: id)
      return try await world.store.write {
        try $0.idempotent(key, bodyDigest: [1]) { .init(bytes: [1]) }.isReplay
      }
    }
    #expect(try await !send("before"))
    try world.set(by: jump.by, restarts: jump.restarts)
    #expect(try await !send("during"))
    await world.pass(hours: 1)
    #expect(try await send("before"))
    #expect(try await send("during"))
    try world.set(by: -jump.by, restarts: jump.restarts)
    await world.pass(hours: 1)
    #expect(try await send("before"))
    #expect(try await send("during"))
    await world.pass(hours: 20)
    #expect(try await send("before"))
    #expect(try await send("during"))
    await world.pass(hours: 3)
    #expect(try await !send("before"), "forgotten after a day")
  }

  @Test(arguments: jumps)
  func `what has expired stays expired, what has not does not`(jump: Jump) async throws {
    let world = try World()
    let expiries = [world.clocks.now + 2 * Self.hour, world.clocks.now + 100 * Self.hour]
    func isExpired(_ index: Int) -> Bool { world.store.expiryMilliseconds >= expiries[index] }
    await world.pass(hours: 3)
    #expect(isExpired(0) && !isExpired(1))
    try world.set(by: jump.by, restarts: jump.restarts)
    #expect(isExpired(0))
    // A date is a date: what is a year ahead has passed every one of this year.
    #expect(isExpired(1) == (jump.by > 0))
    await world.pass(hours: 1)
    try world.set(by: -jump.by, restarts: jump.restarts)
    #expect(isExpired(0) && !isExpired(1))
    await world.pass(hours: 96)
    #expect(isExpired(0) && isExpired(1))
  }

  @Test(arguments: jumps)
  func `ids go on increasing`(jump: Jump) async throws {
    let world = try World()
    func make() async throws -> String {
      try await world.store.write { tx in
        let id = tx.makeID()
        try Orgs(tx).insert(
          Org(
            id: OrgID(id), name: id, displayName: "", isRoot: false,
            createdAt: Timestamp(milliseconds: tx.nowMilliseconds),
            updatedAt: Timestamp(milliseconds: tx.nowMilliseconds), revision: 1))
        return id
      }
    }
    var ids = [try await make()]
    for by in [jump.by, -jump.by, -jump.by, jump.by] {
      try world.set(by: by, restarts: jump.restarts)
      ids.append(try await make())
      ids.append(try await make())
    }
    #expect(ids == ids.sorted())
    #expect(Set(ids).count == ids.count)
  }

  @Test(arguments: jumps)
  func `a device was seen last when it called last`(jump: Jump) async throws {
    let world = try World()
    let device = DeviceID("d")
    func call() async throws -> Timestamp? {
      let activity = FleetActivity(world.store)
      let now = Timestamp(milliseconds: world.clocks.now)
      _ = try activity.take(device, numbers: [], now: now) { _ in .nothing }
      let buffered = try activity.current(device).lastSeenAt
      await world.store.flush()
      let stored = try world.store.telemetry.read { try DeviceActivities($0).find(device) }
      #expect(stored?.lastSeenAt == buffered)
      return stored?.lastSeenAt
    }
    for by in [0, jump.by, -jump.by] {
      try world.set(by: by, restarts: jump.restarts)
      #expect(try await call() == Timestamp(milliseconds: world.clocks.now))
    }
  }

  @Test func `the failures that are kept are the newest, not those of a clock that was ahead`()
    async throws
  {
    let world = try World()
    let (device, deployment) = (DeviceID("d"), DeploymentID("p"))
    func fail(_ number: Int) async throws {
      let failure = DeviceFailure(
        version: VersionID("v\(number)"), rollout: nil, error: "e",
        failedAt: Timestamp(milliseconds: world.clocks.now))
      try await world.store.telemetry.write {
        try DeviceFailures($0).save(failure, device: device, deployment: deployment)
      }
      world.clocks.pass(1)
    }
    world.clocks.set(by: ManualClocks.year)
    for number in 100..<100 + DeviceFailure.maximumKept { try await fail(number) }
    world.clocks.set(by: -ManualClocks.year)
    for number in 200..<204 { try await fail(number) }
    let kept = try world.store.telemetry.read {
      try DeviceFailures($0).of(device, deployment: deployment)
    }
    #expect(kept.count == DeviceFailure.maximumKept)
    #expect(Set(kept.map(\.version)).isSuperset(of: (200..<204).map { VersionID("v\($0)") }))
    #expect(kept.allSatisfy { $0.failedAt.milliseconds < world.clocks.now })
  }

  @Test(arguments: [
    // The end of a soak of 600 s that began at 0, moved at 100 s.
    (by: ManualClocks.year, end: Int64(700)), (-100_000, 500), (50_000, 650), (0, 600),
  ])
  func `the end of a soak moves with the clock, never beyond a whole soak`(
    by: Int64, end: Int64
  ) async throws {
    let sample = try await FleetSample()
    let started = try await sample.started(
      FleetSample.deployment(policy: try FleetSample.policy()))
    let id = try #require(started.rollout?.id)
    let now = FleetSample.start.milliseconds + 100_000
    try await sample.store.write { try Rollouts($0).moveSoaks(by: by, now: now) }
    let moved = try sample.store.read { try Rollouts($0).find(id, org: FleetSample.org) }
    #expect(moved?.nextAdvanceAt == FleetSample.start + .seconds(end))
  }

  @Test func `a clock that is set is told of once`() async throws {
    let told = Told()
    let world = try World { $0.onClockSet = { told.add($0) } }
    try await world.append("a")
    world.clocks.pass(Self.hour)
    try await world.append("b")
    #expect(told.all == [])
    world.clocks.set(by: ManualClocks.year)
    try await world.append("c")
    try await world.append("d")
    world.clocks.set(by: -ManualClocks.year)
    try await world.append("e")
    #expect(told.all == [ManualClocks.year, -ManualClocks.year])
  }
}
