public import Domain
public import SQL

/// The rollouts of all orgs.
public typealias Rollouts = Rows<Rollout>

extension Rollout: Stored {
  public static let table = Table<Rollout>("rollouts", unique: ["deployment", "number"]) {
    $0.column("id", \.id)
    $0.column("org", \.org)
    $0.column("deployment", \.deployment)
    $0.column("number", \.number)
    $0.column("from_version", \.from)
    $0.column("to_version", \.to)
    $0.column("salt", \.salt.text)
    $0.column("created_at_ms", \.createdAt)
    $0.column("policy", \.policy.record, .changes)
    $0.column("state", \.state.rawValue, .changes)
    $0.column("exposure", \.exposure.millionths, .changes)
    $0.column("exposure_changed_at_ms", \.exposureChangedAt, .changes)
    $0.column("next_advance_at_ms", \.nextAdvanceAt, .changes)
    $0.column("started_at_ms", \.startedAt, .changes)
    $0.column("gate_window", \.window, .changes)
    $0.column("window_start_ms", \.windowStart, .changes)
    $0.column("ended_at_ms", \.endedAt, .changes)
    $0.column("state_reason", \.stateReason, .changes)
    $0.column("verdicts", \.verdicts.record, .changes)
    $0.column("revision", \.revision, .changes)
  }
  fileprivate static let progressing = table.select(
    "WHERE state = 'PROGRESSING' AND id > $1 ORDER BY id LIMIT $2")
  fileprivate static let ofGoverning = table.select(
    """
    WHERE id IN (SELECT current_rollout FROM deployments
      WHERE org = $1 AND target = 'FLEET' AND state IN ('ACTIVE', 'PAUSED', 'FAILED'))
    """)
  fileprivate static let standing = table.select(
    "WHERE deployment = $1 AND org = $2 AND state <> 'ABORTED' ORDER BY number DESC LIMIT 1")

  public init(row: inout RowReader) throws {
    self.init(
      id: try row.next(), org: try row.next(), deployment: try row.next(),
      number: try row.next(), from: try row.next(), to: try row.next(),
      salt: try RolloutSalt(stored: try row.next()), createdAt: try row.next(),
      policy: try RolloutPolicy(record: try row.next()), state: try row.raw(),
      exposure: try Exposure(millionths: try row.next(Int64.self)),
      exposureChangedAt: try row.next(), nextAdvanceAt: try row.next(),
      startedAt: try row.next(), window: try row.next(), windowStart: try row.next(),
      endedAt: try row.next(), stateReason: try row.next(),
      verdicts: try [GateVerdict](record: try row.next()), revision: try row.next())
  }

  /// Tells the indexes of the org.
  public func writeRest(_ db: Connection) throws {
    try DeploymentEpochs(connection: db).advance(org: org, deployment)
  }
}

extension RolloutSalt {
  fileprivate init(stored text: String) throws {
    guard let salt = RolloutSalt(text: text) else {
      throw StoreError.failure("a stored rollout has the salt \"\(text)\"")
    }
    self = salt
  }
}

extension Condition<Rollout> {
  public static func deployment(_ deployment: DeploymentID) -> Self {
    Self("deployment = ?", deployment, isIndexed: true)
  }
  public static func states(_ states: [RolloutState]) -> Self {
    Self("state IN (?)", anyOf: states.map(\.rawValue))
  }
}

extension Rows<Rollout> {
  /// Progressing rollouts of all orgs after `after`, by id: what the automator goes through. One that does not decode is an error of its
  /// own.
  public func progressing(
    after: RolloutID?, limit: Int
  ) throws -> [(id: RolloutID, rollout: Result<Rollout, any Error>)] {
    try db.all(Rollout.progressing, after ?? RolloutID(""), limit) { row in
      var ahead = row
      let id = try ahead.next(RolloutID.self)
      return (id, Result { try Rollout(row: &row) })
    }
  }

  /// The newest rollouts of the deployments that decide what devices of an org get.
  func ofGoverning(org: OrgID) throws -> [RolloutID: Rollout] {
    let rollouts = try db.all(Rollout.ofGoverning, org) { row in try Rollout(row: &row) }
    return Dictionary(uniqueKeysWithValues: rollouts.map { ($0.id, $0) })
  }

  /// The newest rollout of a deployment that was not given up for another: what a rollback takes back.
  public func standing(of deployment: DeploymentID, org: OrgID) throws -> Rollout? {
    try first(Rollout.standing, deployment, org)
  }

  /// Whether a rollout has ended for good, or never was.
  public func isOver(_ id: RolloutID) throws -> Bool {
    let state: RolloutState? = try db.first(
      "SELECT state FROM rollouts WHERE id = $1", id.rawValue
    ) { row in try row.raw(0) }
    return state.map { !$0.isActive } ?? true
  }

  /// Moves the ends of soaks by `milliseconds`, none beyond a whole soak from `now` on (milliseconds since 1970): the wall clock was set,
  /// or went on while no server ran, and a soak is time in which one looked. What devices get stays the same, so no index is told.
  ///
  /// Goes through all rollouts that progress.
  func moveSoaks(by milliseconds: Int64, now: Int64) throws {
    var last: RolloutID?
    let limit = 500
    while true {
      let page = try progressing(after: last, limit: limit)
      for (id, found) in page {
        // One that does not decode is not moved on either, and told of by who tries.
        guard case .success(let rollout) = found, let due = rollout.nextAdvanceAt else { continue }
        let whole = Timestamp(milliseconds: now) + rollout.policy.soak(at: rollout.exposure)
        let moved = min(due + .milliseconds(milliseconds), whole)
        try db.execute(
          "UPDATE rollouts SET next_advance_at_ms = $2 WHERE id = $1", id.rawValue,
          moved.milliseconds)
      }
      guard page.count == limit else { return }
      last = page.last?.id
    }
  }

  /// Stores verdicts alone, and the revision of the event that tells of them where there is one: devices get nothing else by them, so no
  /// index is told.
  public func updateVerdicts(_ rollout: Rollout) throws {
    try db.execute(
      "UPDATE rollouts SET verdicts = $3, revision = $4 WHERE id = $1 AND org = $2",
      rollout.id.rawValue, rollout.org.rawValue, rollout.verdicts.record, rollout.revision)
  }
}
