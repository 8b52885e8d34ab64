import Domain
import Glibc
import Logging
import Store
import Testing

@testable import Automator

/// A whole rollout on a database in a temporary folder, with a clock that the test moves.
@Suite struct AutomatorTests {
  static let org = OrgID("o1")
  static let (v1, v2) = (VersionID("v1"), VersionID("v2"))
  static let start = Timestamp(milliseconds: 1_700_000_000_000)

  static func minute(_ minutes: Int64) -> Timestamp { start + .seconds(minutes * 60) }

  /// A started rollout from v1 to v2 with 40 devices.
  final class World {
    let folder: String
    private(set) var store: Store
    private(set) var activity: FleetActivity
    private(set) var automator: Automator
    let devices = (0..<40).map { DeviceID("device-\($0)") }
    private var sequence: Int64 = 0

    init(
      gates: [GateRule], lastSoak: Int64 = 600, auto: Bool = true,
      _ configuration: StoreConfiguration = StoreConfiguration()
    ) async throws {
      var template = Array("/tmp/automator-test-XXXXXX".utf8CString)
      let made = try #require(mkdtemp(&template))
      folder = String(cString: made)
      store = try Store.open(folder, configuration)
      activity = FleetActivity(store)
      automator = Automator(
        store: store, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
      let policy = try RolloutPolicy(
        steps: [
          .init(exposure: try Exposure(millionths: 50_000), soak: .seconds(600)),
          .init(exposure: try Exposure(millionths: 250_000), soak: .seconds(600)),
          .init(exposure: .full, soak: .seconds(lastSoak)),
        ], autoAdvance: auto, gates: gates)
      try await store.write { [devices] tx in
        let time = AutomatorTests.start
        try Orgs(tx).insert(
          Org(
            id: org, name: "o", displayName: "", isRoot: false, createdAt: time, updatedAt: time,
            revision: 1))
        try Models(tx).insert(
          Model(
            id: ModelID("m"), org: org, name: "m", displayName: "", description: "",
            labels: .empty, createdAt: time, updatedAt: time, revision: 1))
        try ModelVariants(tx).insert(
          ModelVariant(
            id: VariantID("x"), org: org, model: ModelID("m"), name: "x", capability: "c",
            traits: DeviceTraits(platform: 0, deviceClass: ""), description: "", labels: .empty,
            createdAt: time, updatedAt: time, revision: 1))
        for device in devices {
          try Devices(tx).insert(
            Device(
              id: device, org: org, hardwareID: device.rawValue, registeredAt: time,
              traits: DeviceTraits(platform: 1, deviceClass: "")))
        }
        let journal = DeploymentJournal(tx, author: EventAuthor(actor: "p", method: "test"))
        let created = try journal.create(
          Deployment(
            id: DeploymentID("d"), org: org, createdBy: "p", createdAt: time, name: "vision",
            target: .fleet(
              FleetTarget(
                model: ModelID("m"), variant: VariantID("x"), desiredVersion: v2,
                activeVersion: v1)), policy: policy))
        let outcome = try DeploymentPlan.start(
          created, seed: .init(id: RolloutID("r"), salt: RolloutSalt(low: 7, high: 9)), now: time)
        let rollout = try #require(outcome.rollout)
        _ = try journal.begin(rollout, of: outcome.deployment)
        _ = try journal.update(
          outcome.deployment, replacing: created, rollout: rollout,
          .init("started", message: ""))
      }
    }

    /// What happens while no server runs.
    func restart(_ configuration: StoreConfiguration, meanwhile: () -> Void) throws {
      store.close()
      meanwhile()
      store = try Store.open(folder, configuration)
      activity = FleetActivity(store)
      automator = Automator(
        store: store, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    deinit {
      store.close()
      for name in [
        "rollcall.db", "rollcall.db-wal", "rollcall.db-shm", "telemetry.db", "telemetry.db-wal",
        "telemetry.db-shm", "lock",
      ] {
        unlink(folder + "/" + name)
      }
      rmdir(folder)
    }

    var rollout: Rollout {
      get throws {
        try #require(try store.read { try Rollouts($0).find(RolloutID("r"), org: org) })
      }
    }

    var deployment: Deployment {
      get throws {
        try #require(try store.read { try Deployments($0).find(DeploymentID("d"), org: org) })
      }
    }

    var kinds: [String] {
      get throws {
        try store.read { try EventLog($0).page(after: 0, org: org.rawValue, limit: 100) }
          .map(\.event.kind)
      }
    }

    /// Has the first `count` devices report a version, the first `failing` of them failures.
    func report(_ version: VersionID, failing: Int, of count: Int, from first: Int = 0) async throws
    {
      sequence += 1
      let rollout = try rollout
      let side = FleetActivity.Side(
        rollout: rollout, arm: version == AutomatorTests.v2 ? .canary : .control)
      for (index, device) in devices[first..<first + count].enumerated() {
        _ = try store.read { _ in
          try activity.take(device, numbers: [sequence], now: AutomatorTests.start) { _ in
            let attempts =
              index < failing
              ? AttemptCounts(activationsFailed: 1)
              : AttemptCounts(activationsSucceeded: 1, inferencesSucceeded: 50)
            let latest = LatestOutcomes(activation: index >= failing)
            return .init(
              versions: [
                .init(deployment: DeploymentID("d"), version: version): VersionActivity(
                  attempts: attempts, latency: .empty, latest: latest)
              ], sides: [side: DeviceStanding(attempts: attempts, latest: latest)])
          }
        }
      }
      await store.flush()
    }
  }

  static func gate(_ action: GateAction, id: String = "errors") -> GateRule {
    GateRule(
      id: GateID(id), metric: .errorRate, comparison: .difference, threshold: 50_000,
      minimumDevices: 3, action: action)
  }

  @Test func `a rollout without gates follows its soaks and completes`() async throws {
    let world = try await World(gates: [])
    var log: [String] = []
    for minute in 0...31 as ClosedRange<Int64> {
      _ = try await world.automator.tick(now: Self.minute(minute))
      let rollout = try world.rollout
      let line = "\(rollout.state.rawValue) \(rollout.exposure)"
      if log.last != line { log.append(line) }
    }
    #expect(log == ["PROGRESSING 5%", "PROGRESSING 25%", "PROGRESSING 100%", "COMPLETED 100%"])
    #expect(try world.rollout.endedAt == Self.minute(30))
    #expect(try world.deployment.activeVersion == Self.v2)
    #expect(
      try world.kinds == [
        "deployment.created", "rollout.started", "deployment.started", "rollout.advanced",
        "rollout.advanced", "rollout.completed", "deployment.settled",
      ])
  }

  @Test func `a repeated tick does nothing, also without a soak`() async throws {
    let world = try await World(gates: [], lastSoak: 0)
    for _ in 0..<3 { _ = try await world.automator.tick(now: Self.minute(10)) }
    #expect(try world.rollout.exposure.percent == "25%")
    let events = try world.kinds
    let quiet = try await world.automator.tick(now: Self.minute(11))
    #expect(quiet.judged == 1)
    #expect(quiet.advanced == 0)
    #expect(try world.kinds == events)
  }

  @Test func `two automators at once take one step`() async throws {
    let world = try await World(gates: [])
    let (store, now) = (world.store, Self.minute(10))
    let ticks = try await withThrowingTaskGroup(of: Automator.Tick.self) { group in
      for _ in 0..<8 {
        group.addTask {
          try await Automator(
            store: store, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
          ).tick(now: now)
        }
      }
      return try await group.reduce(into: 0) { $0 += $1.advanced }
    }
    #expect(ticks == 1)
    #expect(try world.rollout.exposure.percent == "25%")
  }

  @Test func `a gate holds a due step until devices have reported, then lets it pass`() async throws
  {
    let world = try await World(gates: [Self.gate(.pause)])
    _ = try await world.automator.tick(now: Self.minute(10))
    #expect(try world.rollout.exposure.percent == "5%")
    #expect(try world.rollout.verdicts.map(\.holdReason) == [.noData])
    try await world.report(Self.v1, failing: 0, of: 30, from: 10)
    try await world.report(Self.v2, failing: 0, of: 3)
    let tick = try await world.automator.tick(now: Self.minute(11))
    #expect(tick.advanced == 1)
    let rollout = try world.rollout
    #expect(rollout.exposure.percent == "25%")
    #expect(rollout.verdicts.map(\.outcome) == [.pass])
    #expect(try world.kinds.suffix(2) == ["rollout.judged", "rollout.advanced"])
  }

  @Test func `a failing canary is paused inside its soak, with the verdict stored`() async throws {
    let world = try await World(gates: [Self.gate(.pause)])
    try await world.report(Self.v1, failing: 0, of: 30, from: 10)
    try await world.report(Self.v2, failing: 4, of: 4)
    let tick = try await world.automator.tick(now: Self.minute(1))
    #expect(tick.paused == 1)
    let rollout = try world.rollout
    #expect(rollout.state == .paused)
    #expect(rollout.exposure.percent == "5%")
    let verdict = try #require(rollout.verdicts.first)
    #expect(verdict.outcome == .fail)
    #expect(verdict.canary == DeviceCounts(reporting: 4, failing: 4))
    #expect(verdict.control == DeviceCounts(reporting: 30, failing: 0))
    #expect(verdict.passingFailures == 0)
    #expect(rollout.stateReason == verdict.summary)
    let later = try await world.automator.tick(now: Self.minute(60))
    #expect(later.judged == 0)
    let event = try #require(
      try world.store.read { try EventLog($0).page(after: 0, org: "o1", limit: 100) }.last)
    #expect(event.event.kind == "rollout.paused")
    #expect(event.event.actor == "automator")
    #expect(try EventDetail(payload: event.event.payload).attributes["gate_outcome"] == "FAIL")
  }

  @Test func `who resumes after a gate has paused is judged by what happens from then on`()
    async throws
  {
    let world = try await World(gates: [Self.gate(.pause)])
    try await world.report(Self.v1, failing: 0, of: 30, from: 10)
    try await world.report(Self.v2, failing: 4, of: 4)
    _ = try await world.automator.tick(now: Self.minute(1))
    let (deployment, paused) = (try world.deployment, try world.rollout)
    #expect(paused.state == .paused)
    try await world.store.write { tx in
      _ = try DeploymentJournal(tx, author: EventAuthor(actor: "p", method: "test")).step(
        try RolloutPlan.resume(paused, now: Self.minute(5)), replacing: paused, of: deployment,
        now: Self.minute(5), .init("resumed", message: ""))
    }
    let quiet = try await world.automator.tick(now: Self.minute(6))
    #expect(quiet.paused == 0)
    var verdict = try #require(try world.rollout.verdicts.first)
    #expect(verdict.holdReason == .noData)
    #expect(verdict.windowStart == Self.minute(5))
    #expect(verdict.control == DeviceCounts(reporting: 30, failing: 0))
    try await world.report(Self.v2, failing: 0, of: 4)
    _ = try await world.automator.tick(now: Self.minute(7))
    verdict = try #require(try world.rollout.verdicts.first)
    #expect(verdict.outcome == .pass)
    #expect(verdict.canary == DeviceCounts(reporting: 4, failing: 0))
    try await world.report(Self.v2, failing: 4, of: 4)
    let again = try await world.automator.tick(now: Self.minute(8))
    #expect(again.paused == 1)
  }

  @Test func `one failing device fails no gate, whatever the rule asks for`() async throws {
    let rule = GateRule(
      id: GateID("errors"), metric: .errorRate, comparison: .absolute, threshold: 50_000,
      minimumDevices: 2, confidence: .percent80, action: .rollBack)
    let world = try await World(gates: [rule])
    try await world.report(Self.v2, failing: 1, of: 1)
    let tick = try await world.automator.tick(now: Self.minute(10))
    #expect(tick.rolledBack == 0)
    let rollout = try world.rollout
    #expect(rollout.state == .progressing)
    let verdict = try #require(rollout.verdicts.first)
    #expect(verdict.holdReason == .insufficient)
    #expect(verdict.estimate == nil)
    #expect(verdict.looks == 0)
  }

  @Test func `a gate that rolls back returns the fleet to the old version`() async throws {
    let world = try await World(gates: [Self.gate(.rollBack)])
    try await world.report(Self.v1, failing: 0, of: 30, from: 10)
    try await world.report(Self.v2, failing: 4, of: 4)
    let tick = try await world.automator.tick(now: Self.minute(1))
    #expect(tick.rolledBack == 1)
    let (deployment, rollout) = (try world.deployment, try world.rollout)
    #expect(rollout.state == .rolledBack)
    #expect(deployment.desiredVersion == Self.v1)
    for device in world.devices {
      let assignment = Assignment.resolve(
        deployment: deployment, rollout: rollout, device: device, running: Self.v2, pin: nil)
      #expect(assignment?.version == Self.v1)
    }
    #expect(try world.kinds.suffix(2) == ["rollout.rolled_back", "deployment.rolled_back"])
  }

  @Test func `the last soak is watched: a failure at 100 % is still caught`() async throws {
    let world = try await World(gates: [Self.gate(.rollBack)])
    try await world.report(Self.v1, failing: 0, of: 30, from: 10)
    try await world.report(Self.v2, failing: 0, of: 4)
    _ = try await world.automator.tick(now: Self.minute(10))
    _ = try await world.automator.tick(now: Self.minute(20))
    #expect(try world.rollout.exposure == .full)
    try await world.report(Self.v2, failing: 36, of: 36, from: 4)
    _ = try await world.automator.tick(now: Self.minute(25))
    #expect(try world.rollout.state == .rolledBack)
  }

  @Test func `without auto-advance gates still act`() async throws {
    let world = try await World(gates: [Self.gate(.pause)], auto: false)
    _ = try await world.automator.tick(now: Self.minute(100))
    #expect(try world.rollout.exposure.percent == "5%")
    try await world.report(Self.v1, failing: 0, of: 30, from: 10)
    try await world.report(Self.v2, failing: 5, of: 5)
    _ = try await world.automator.tick(now: Self.minute(101))
    #expect(try world.rollout.state == .paused)
  }

  @Test func `verdicts whose counts alone moved are stored without an event`() async throws {
    let world = try await World(gates: [Self.gate(.pause)])
    try await world.report(Self.v1, failing: 0, of: 30, from: 10)
    try await world.report(Self.v2, failing: 0, of: 3)
    _ = try await world.automator.tick(now: Self.minute(1))
    let (events, etag) = (try world.kinds, try world.rollout.revision)
    try await world.report(Self.v2, failing: 0, of: 5)
    _ = try await world.automator.tick(now: Self.minute(2))
    let verdict = try #require(try world.rollout.verdicts.first)
    #expect(verdict.canary.reporting == 5)
    #expect(verdict.looks == 2)
    #expect(verdict.alphaSpent == 50_000)
    #expect(try world.kinds == events)
    #expect(try world.rollout.revision == etag)
  }

  @Test func `installations that are over are forgotten after a month, and counted no more`()
    async throws
  {
    let world = try await World(gates: [])
    func report(
      _ device: DeviceID, _ state: Installation.State, at time: Timestamp
    ) async throws {
      try await world.store.write { tx in
        let before = try Installations(tx).find(device: device, deployment: DeploymentID("d"))
        try Installations(tx).save(
          Installation.report(
            DeploymentID("d"), version: Self.v1, state: state, error: "", after: before,
            now: time), device: device, replacing: before)
      }
    }
    func kept() throws -> Int {
      try world.store.read { tx in
        try world.devices.count { try !Installations(tx).of($0).isEmpty }
      }
    }
    func running() throws -> Int {
      try world.store.read { tx in
        try VersionTallies(tx, world.store.telemetry).of(DeploymentID("d")).first?
          .installedDevices ?? 0
      }
    }
    for device in world.devices { try await report(device, .installed, at: Self.start) }
    for device in world.devices.prefix(5) {
      try await report(device, .removed, at: Self.minute(1))
    }
    let sweep = InstallationSweep(store: world.store)
    let month = Self.start + .seconds(30 * 86_400)
    try await sweep.run(now: month)
    #expect(try kept() == 40)
    try await sweep.run(now: month + .seconds(120))
    #expect(try kept() == 35, "what was removed")
    #expect(try running() == 35)
    try await world.store.write { tx in
      let deployment = try #require(
        try Deployments(tx).find(DeploymentID("d"), org: Self.org))
      var archived = deployment
      archived.state = .archived
      _ = try DeploymentJournal(tx, author: EventAuthor(actor: "p", method: "test")).update(
        archived, replacing: deployment, rollout: nil, .init("archived", message: ""))
    }
    // Who says so again counts again.
    try await report(world.devices[7], .failed, at: month)
    try await sweep.run(now: month + .seconds(120))
    #expect(try kept() == 1)
    #expect(try running() == 1)
    try await sweep.run(now: month + .seconds(31 * 86_400))
    #expect(try kept() == 0)
    #expect(try running() == 0)
  }
}
