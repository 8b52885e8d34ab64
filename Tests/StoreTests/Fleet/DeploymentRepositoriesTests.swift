import Domain
import SQL
import Testing

@testable import Store

@Suite struct DeploymentRepositoriesTests {
  let org = FleetSample.org

  @Test func `a deployment and its rollout survive storage to the last field`() async throws {
    let sample = try await FleetSample()
    let selector = try Selector(
      requirements: [.equals("env", "prod"), .init(key: "old", operation: .doesNotExist)],
      groups: [GroupID("g1"), GroupID("g2")])
    let policy = try FleetSample.policy(
      gates: [FleetSample.gate(), FleetSample.gate(.rollBack)].enumerated().map {
        GateRule(
          id: GateID("g\($0)"), metric: .downloadFailures, comparison: $1.comparison,
          threshold: $1.threshold, minimumDevices: $1.minimumDevices, confidence: .percent999,
          action: $1.action)
      })
    let started = try await sample.started(
      FleetSample.deployment(policy: policy, selector: selector))
    var rollout = try #require(started.rollout)
    rollout.verdicts = policy.gates.map {
      Gate.judge(
        $0, canary: DeviceCounts(reporting: 10, failing: 3),
        control: DeviceCounts(reporting: 40, failing: 0), windowStart: FleetSample.start,
        now: FleetSample.start + .seconds(5))
    }
    #expect(rollout.verdicts.map(\.looks) == [1, 1])
    rollout.stateReason = "why"
    rollout.endedAt = FleetSample.start
    try await sample.store.write { [rollout] in try Rollouts($0).update(rollout) }
    func find(_ org: OrgID) throws -> (Deployment?, Rollout?) {
      try sample.store.read { (tx) throws in
        (
          try Deployments(tx).find(DeploymentID("d"), org: org),
          try Rollouts(tx).find(RolloutID("r-d"), org: org)
        )
      }
    }
    let (deployment, stored) = try find(org)
    #expect(deployment == started.deployment)
    #expect(stored == rollout)
    let (foreign, foreignRollout) = try find(FleetSample.other)
    #expect(foreign == nil)
    #expect(foreignRollout == nil)
  }

  @Test func `starting logs the rollout and the deployment in one transaction`() async throws {
    let sample = try await FleetSample()
    let started = try await sample.started(
      FleetSample.deployment(policy: try FleetSample.policy()))
    let events = try sample.store.read { try EventLog($0).page(after: 0, org: "o1", limit: 10) }
    #expect(
      events.map(\.event.kind) == ["deployment.created", "rollout.started", "deployment.started"])
    #expect(events.last?.revision == started.deployment.revision)
    let rollout = try #require(events.first { $0.event.resourceType == "rollout" })
    #expect(rollout.event.parentID == "d")
    #expect(rollout.event.requestID == "r-1")
    #expect(rollout.revision == started.rollout?.revision)
    let detail = try EventDetail(payload: rollout.event.payload)
    #expect(detail.rolloutState == .progressing)
    #expect(detail.attributes["exposure_millionths"] == "50000")
    #expect(detail.message == "rollout 1 of vision started at 5%")
    #expect(events.allSatisfy { !$0.event.afterDigest.isEmpty })
  }

  @Test func `the last step settles the deployment on the new version`() async throws {
    let sample = try await FleetSample()
    let started = try await sample.started(
      FleetSample.deployment(policy: try FleetSample.policy(lastSoak: 0)))
    var (deployment, rollout) = (started.deployment, try #require(started.rollout))
    for _ in 0..<2 {
      (deployment, rollout) = try await sample.store.write { [deployment, rollout] tx in
        try DeploymentJournal(tx, author: FleetSample.author).step(
          RolloutPlan.advance(rollout, now: FleetSample.start), replacing: rollout,
          of: deployment, now: FleetSample.start, .init("advanced", message: "advanced"))
      }
    }
    #expect(rollout.state == .completed)
    #expect(deployment.activeVersion == FleetSample.v2)
    try sample.store.read { (tx) throws in
      #expect(try Deployments(tx).find(deployment.id, org: org) == deployment)
      #expect(try Rollouts(tx).find(rollout.id, org: org) == rollout)
      let kinds = try EventLog(tx).page(after: 3, org: "o1", limit: 10).map(\.event.kind)
      #expect(
        kinds == [
          "rollout.advanced", "rollout.advanced", "rollout.completed", "deployment.settled",
        ])
    }
  }

  @Test func `pins are kept apart by device and counted`() async throws {
    let sample = try await FleetSample()
    _ = try await sample.started(FleetSample.deployment(policy: nil))
    @Sendable func pin(_ target: PinTarget) -> Pin {
      Pin(
        deployment: DeploymentID("d"), device: DeviceID("a"), target: target, reason: "qa",
        createdBy: "p1", createdAt: FleetSample.start)
    }
    try await sample.store.write { tx in
      try Devices(tx).insert(FleetSample.device("a"))
      try DevicePins(tx).put(pin(.canary), org: org)
      try DevicePins(tx).put(pin(.version(FleetSample.v3)), org: org)
    }
    try sample.store.read { (tx) throws in
      #expect(try DevicePins(tx).of(DeviceID("a")) == [pin(.version(FleetSample.v3))])
      let pinned = try DevicePins(tx).devices(
        of: DeploymentID("d"), after: nil, descending: true, limit: 2)
      #expect(pinned == [DeviceID("a")])
    }
    let removed = try await sample.store.write { tx in
      let pins = DevicePins(tx)
      return try [
        pins.remove(deployment: DeploymentID("d"), device: DeviceID("a"), org: org),
        pins.remove(deployment: DeploymentID("d"), device: DeviceID("a"), org: org),
      ]
    }
    #expect(removed == [true, false])
  }

  @Test func `pins are logged with what they were and became`() async throws {
    let sample = try await FleetSample()
    let deployment = try await sample.started(FleetSample.deployment(policy: nil)).deployment
    let revisions = try await sample.store.write { tx -> [Int64?] in
      try Devices(tx).insert(FleetSample.device("a"))
      let journal = DeploymentJournal(tx, author: FleetSample.author)
      func pin(_ target: PinTarget) throws -> Int64 {
        try journal.pin(
          Pin(
            deployment: deployment.id, device: DeviceID("a"), target: target, reason: "qa",
            createdBy: "p1", createdAt: FleetSample.start), of: deployment, deviceName: "hw-a")
      }
      return [
        try pin(.canary), try pin(.version(FleetSample.v3)),
        try journal.unpin(DeviceID("a"), of: deployment, deviceName: "hw-a"),
        try journal.unpin(DeviceID("a"), of: deployment, deviceName: "hw-a"),
      ]
    }
    #expect(revisions.last == .some(nil))
    let events = try sample.store.read { tx in
      try EventLog(tx).page(after: deployment.revision, org: "o1", limit: 10)
    }
    #expect(events.map(\.event.kind) == ["pin.created", "pin.updated", "pin.deleted"])
    #expect(events.map(\.revision) == revisions.compactMap { $0 })
    #expect(events.map(\.event.beforeDigest.count) == [0, 32, 32])
    #expect(events.map(\.event.afterDigest.count) == [32, 32, 0])
    #expect(events[0].event.afterDigest == events[1].event.beforeDigest)
    #expect(events[1].event.afterDigest == events[2].event.beforeDigest)
    let details = try events.map { try EventDetail(payload: $0.event.payload) }
    #expect(details.map { $0.attributes["arm"] } == ["CANARY", nil, nil])
    #expect(details.map { $0.attributes["model_version_id"] } == [nil, "v3", "v3"])
    #expect(details[0].message == "hw-a was pinned to the canary side in vision")
    #expect(
      try sample.store.read { try DevicePins($0).of(DeviceID("a")) }.isEmpty)
  }

  @Test func `what a version replaced survives storage and a list`() async throws {
    let sample = try await FleetSample()
    var deployment = FleetSample.deployment(policy: nil)
    let started = try await sample.started(deployment).deployment
    #expect(started.replacedVersion == FleetSample.v1)
    deployment = started
    try sample.store.read { [deployment] (tx) throws in
      #expect(try Deployments(tx).find(deployment.id, org: org) == deployment)
      #expect(try Deployments(tx).list(Page(limit: 2), org: org).items == [deployment])
      let index = try DeploymentIndex.load(org: org, epoch: 1, tx)
      #expect(index.entries.map(\.deployment) == [deployment])
    }
  }

  @Test func `verdicts from before looks were counted are read with none`() throws {
    let verdict = Gate.judge(
      FleetSample.gate(), canary: DeviceCounts(reporting: 10, failing: 3),
      control: DeviceCounts(reporting: 40, failing: 0), windowStart: FleetSample.start,
      now: FleetSample.start)
    var old = [verdict].record
    #expect(try [GateVerdict](record: old) == [verdict])
    // Layout 1 is layout 2 without the last field, one byte here.
    old[0] = 2
    old.removeLast()
    let read = try #require(try [GateVerdict](record: old).first)
    #expect(read.looks == 0)
    #expect(read.repeats(verdict))
    #expect(read.decidedAt == verdict.decidedAt)
    var newer = old
    newer[0] = 6
    #expect(
      throws: StoreError.failure("a stored list of verdicts has layout 3, this binary reads 2")
    ) { try [GateVerdict](record: newer) }
  }

  @Test func `the index follows every change, and only of its own org`() async throws {
    let sample = try await FleetSample()
    let indexes = DeploymentIndexes()
    func index(_ org: OrgID) throws -> DeploymentIndex {
      try sample.store.read { try indexes.index(org: org, $0) }
    }
    #expect(try index(org).entries.isEmpty)
    let started = try await sample.started(
      FleetSample.deployment(policy: try FleetSample.policy()))
    let first = try index(org)
    #expect(first.entries.map(\.rollout?.exposure.percent) == ["5%"])
    #expect(!first.hasPins)
    #expect(try index(FleetSample.other).entries.isEmpty)
    #expect(try index(org).epoch == first.epoch)

    let rollout = try #require(started.rollout)
    try await sample.store.write { tx in
      _ = try DeploymentJournal(tx, author: FleetSample.author).step(
        RolloutPlan.advance(rollout, now: FleetSample.start), replacing: rollout,
        of: started.deployment, now: FleetSample.start, .init("advanced", message: ""))
    }
    #expect(try index(org).entries.map(\.rollout?.exposure.percent) == ["25%"])

    try await sample.store.write { tx in
      try Devices(tx).insert(FleetSample.device("a"))
      try DevicePins(tx).put(
        Pin(
          deployment: started.deployment.id, device: DeviceID("a"), target: .control, reason: "",
          createdBy: "p", createdAt: FleetSample.start), org: org)
    }
    #expect(try index(org).hasPins)
  }

  @Test func `a group in use names its deployment`() async throws {
    let sample = try await FleetSample()
    let selector = try Selector(requirements: [], groups: [GroupID("g")])
    _ = try await sample.started(FleetSample.deployment(policy: nil, selector: selector))
    let (group, org) = (GroupID("g"), org)
    func using(_ group: String, _ org: OrgID) throws -> [DeploymentID] {
      try sample.store.read { try Deployments($0).usingGroup(GroupID(group), org: org).deployments }
    }
    #expect(try using("g", org) == [DeploymentID("d")])
    #expect(try using("h", org) == [])
    #expect(try using("g", FleetSample.other) == [])
    // Whoever deletes a group looks again at what has changed since it looked.
    let before = try sample.store.read { try Deployments($0).usingGroup(group, org: org) }
    func user() throws -> DeploymentID? {
      try sample.store.read { try Deployments($0).usingGroup(group, org: org, known: before) }
    }
    #expect(try user() == DeploymentID("d"))
    try await sample.store.write { tx in
      var deployment = try #require(try Deployments(tx).find(DeploymentID("d"), org: org))
      deployment.selector = .everything
      try Deployments(tx).update(deployment)
    }
    #expect(try user() == nil)
    _ = try await sample.started(FleetSample.deployment("e", policy: nil, selector: selector))
    #expect(try user() == DeploymentID("e"))
    try await sample.store.write { tx in
      var deployment = try #require(try Deployments(tx).find(DeploymentID("e"), org: org))
      deployment.state = .archived
      try Deployments(tx).update(deployment)
    }
    #expect(try user() == nil)
  }

  @Test func `an index takes over what has not changed`() async throws {
    let sample = try await FleetSample()
    let org = org
    let (indexes, other) = (DeploymentIndexes(), DeploymentIndexes())
    for id in ["a", "b", "c"] {
      _ = try await sample.started(
        FleetSample.deployment(id, policy: try FleetSample.policy()))
    }
    func index() throws -> DeploymentIndex {
      try sample.store.read { tx in
        let index = try indexes.index(org: org, tx)
        // Whatever way it came about, it says what the database does.
        let fresh = try DeploymentIndex.load(org: org, epoch: index.epoch, tx)
        #expect(index.entries.map(\.deployment) == fresh.entries.map(\.deployment))
        #expect(index.entries.map(\.rollout) == fresh.entries.map(\.rollout))
        #expect(index.entries.map(\.traits) == fresh.entries.map(\.traits))
        #expect(index.hasPins == fresh.hasPins)
        return index
      }
    }
    func change(_ id: String, _ body: @escaping @Sendable (inout Deployment) -> Void)
      async throws
    {
      try await sample.store.write { tx in
        var deployment = try #require(try Deployments(tx).find(DeploymentID(id), org: org))
        body(&deployment)
        try Deployments(tx).update(deployment)
      }
    }
    let first = try index()
    try await change("b") { $0.state = .paused }
    let second = try index()
    #expect(zip(first.entries, second.entries).map { $0 === $1 } == [true, false, true])
    try await change("a") { $0.state = .archived }
    #expect(try index().entries.map(\.deployment.id.rawValue) == ["b", "c"])
    try await change("a") { $0.state = .active }
    _ = try await sample.started(FleetSample.deployment("bb", policy: nil))
    #expect(try index().entries.map(\.deployment.id.rawValue) == ["a", "b", "bb", "c"])
    try await sample.store.write { tx in
      var rollout = try #require(try Rollouts(tx).find(RolloutID("r-c"), org: org))
      rollout.exposure = .full
      try Rollouts(tx).update(rollout)
      try Devices(tx).insert(FleetSample.device("d"))
      try DevicePins(tx).put(
        Pin(
          deployment: DeploymentID("c"), device: DeviceID("d"), target: .control, reason: "",
          createdBy: "p", createdAt: FleetSample.start), org: org)
    }
    let last = try index()
    #expect(last.entry(DeploymentID("c"))?.rollout?.exposure == .full)
    #expect(last.hasPins)
    #expect(last.entry(DeploymentID("c")) !== second.entry(DeploymentID("c")))
    #expect(last.entry(DeploymentID("b")) === second.entry(DeploymentID("b")))
    #expect(try sample.store.read { try other.index(org: org, $0).entries.count } == 4)
    try await sample.store.write { tx in
      _ = try DevicePins(tx).remove(
        deployment: DeploymentID("c"), device: DeviceID("d"), org: org)
    }
    #expect(try !index().hasPins)
  }

  @Test func `a damaged record is an error wherever it is cut or flipped`() throws {
    let policy = try FleetSample.policy(gates: [FleetSample.gate()])
    #expect(try RolloutPolicy(record: policy.record) == policy)
    for end in 0..<policy.record.count {
      #expect(throws: StoreError.self) { try RolloutPolicy(record: Array(policy.record[..<end])) }
    }
    var newer = policy.record
    newer[0] = 4
    #expect(
      throws: StoreError.failure("a stored rollout policy has layout 2, this binary reads 1")
    ) { try RolloutPolicy(record: newer) }
    for index in policy.record.indices {
      var flipped = policy.record
      flipped[index] ^= 0x55
      _ = try? RolloutPolicy(record: flipped)  // anything but a trap
    }
  }

  @Test func `a progressing rollout that does not decode is an error of its own`() async throws {
    let sample = try await FleetSample()
    let store = sample.store
    for id in ["d1", "d2", "d3"] {
      _ = try await sample.started(
        FleetSample.deployment(id, policy: try FleetSample.policy()))
    }
    _ = try await store.write { tx in
      try tx.connection.execute("UPDATE rollouts SET policy = $1 WHERE id = 'r-d2'", [9] as [UInt8])
    }
    let found = try store.read { try Rollouts($0).progressing(after: nil, limit: 10) }
    #expect(found.map(\.id.rawValue) == ["r-d1", "r-d2", "r-d3"])
    #expect(found.map { (try? $0.rollout.get()) != nil } == [true, false, true])
    let overs = try store.read { tx in
      try ["r-d1", "nothing"].map { try Rollouts(tx).isOver(RolloutID($0)) }
    }
    #expect(overs == [false, true])
  }
}
