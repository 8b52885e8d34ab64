public import Domain
internal import SQL

/// The rollouts of all orgs; every method that a caller reaches is scoped to one.
public struct Rollouts {
  private let db: Connection

  public init(_ transaction: ReadTransaction) { db = transaction.connection }

  public func find(_ id: RolloutID, org: OrgID) throws -> Rollout? {
    try db.first(
      """
      SELECT id, org, deployment, number, from_version, to_version, salt, policy, state,
        state_reason, exposure, exposure_changed_at_ms, next_advance_at_ms, verdicts,
        created_at_ms, started_at_ms, ended_at_ms, revision, gate_window, window_start_ms
      FROM rollouts WHERE id = $1 AND org = $2
      """, id.rawValue, org.rawValue, map: Self.rollout)
  }

  /// The rollouts of a deployment, of these states when any are given.
  public func list(
    _ page: Page, of deployment: DeploymentID, org: OrgID, states: [RolloutState] = []
  ) throws -> Listing<Rollout> {
    var query = ListQuery(
      """
      id, org, deployment, number, from_version, to_version, salt, policy, state, state_reason,
      exposure, exposure_changed_at_ms, next_advance_at_ms, verdicts, created_at_ms, started_at_ms,
      ended_at_ms, revision, gate_window, window_start_ms
      """, from: "rollouts")
    query.filter("deployment = ?", deployment.rawValue)
    query.filter("org = ?", org.rawValue)
    if !states.isEmpty { query.filter("state IN (?)", anyOf: states.map(\.rawValue)) }
    return try query.listing(page, in: db, id: \.id.rawValue, map: Self.rollout)
  }

  /// Progressing rollouts of all orgs after `after`, by id: what the automator goes through.
  public func progressing(after: RolloutID?, limit: Int) throws -> [Rollout] {
    try db.all(
      """
      SELECT id, org, deployment, number, from_version, to_version, salt, policy, state,
        state_reason, exposure, exposure_changed_at_ms, next_advance_at_ms, verdicts,
        created_at_ms, started_at_ms, ended_at_ms, revision, gate_window, window_start_ms
      FROM rollouts WHERE state = 'PROGRESSING' AND id > $1 ORDER BY id LIMIT $2
      """, after?.rawValue ?? "", limit, map: Self.rollout)
  }

  /// The newest rollout of a deployment that was not given up for another: what a rollback takes back.
  public func standing(of deployment: DeploymentID, org: OrgID) throws -> Rollout? {
    try db.first(
      """
      SELECT id, org, deployment, number, from_version, to_version, salt, policy, state,
        state_reason, exposure, exposure_changed_at_ms, next_advance_at_ms, verdicts,
        created_at_ms, started_at_ms, ended_at_ms, revision, gate_window, window_start_ms
      FROM rollouts WHERE deployment = $1 AND org = $2 AND state <> 'ABORTED'
      ORDER BY number DESC LIMIT 1
      """, deployment.rawValue, org.rawValue, map: Self.rollout)
  }

  public func insert(_ rollout: Rollout) throws {
    try db.execute(
      """
      INSERT INTO rollouts (id, org, deployment, number, from_version, to_version, salt, policy,
        state, state_reason, exposure, exposure_changed_at_ms, next_advance_at_ms, verdicts,
        created_at_ms, started_at_ms, ended_at_ms, revision, gate_window, window_start_ms)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19,
        $20)
      """, rollout.id.rawValue, rollout.org.rawValue, rollout.deployment.rawValue, rollout.number,
      rollout.from?.rawValue, rollout.to.rawValue, rollout.salt.text, rollout.policy.record,
      rollout.state.rawValue, rollout.stateReason, rollout.exposure.millionths,
      rollout.exposureChangedAt.milliseconds, rollout.nextAdvanceAt?.milliseconds,
      rollout.verdicts.record, rollout.createdAt.milliseconds, rollout.startedAt?.milliseconds,
      rollout.endedAt?.milliseconds, rollout.revision, rollout.window,
      rollout.windowStart?.milliseconds)
    try DeploymentEpochs(connection: db).advance(org: rollout.org)
  }

  /// Stores what may change and tells the indexes of the org. One row, whatever the fleet's size.
  public func update(_ rollout: Rollout) throws {
    try db.execute(
      """
      UPDATE rollouts SET policy = $3, state = $4, state_reason = $5, exposure = $6,
        exposure_changed_at_ms = $7, next_advance_at_ms = $8, verdicts = $9, started_at_ms = $10,
        ended_at_ms = $11, revision = $12, gate_window = $13, window_start_ms = $14
      WHERE id = $1 AND org = $2
      """, rollout.id.rawValue, rollout.org.rawValue, rollout.policy.record,
      rollout.state.rawValue, rollout.stateReason, rollout.exposure.millionths,
      rollout.exposureChangedAt.milliseconds, rollout.nextAdvanceAt?.milliseconds,
      rollout.verdicts.record, rollout.startedAt?.milliseconds, rollout.endedAt?.milliseconds,
      rollout.revision, rollout.window, rollout.windowStart?.milliseconds)
    try DeploymentEpochs(connection: db).advance(org: rollout.org)
  }

  /// Stores verdicts alone: devices get nothing else by them, so no index is told, and the etag stays.
  public func updateVerdicts(_ rollout: Rollout) throws {
    try db.execute(
      "UPDATE rollouts SET verdicts = $3 WHERE id = $1 AND org = $2", rollout.id.rawValue,
      rollout.org.rawValue, rollout.verdicts.record)
  }

  private static func rollout(_ row: Row) throws -> Rollout {
    let text = try row.get(6, as: String.self)
    guard let salt = RolloutSalt(text: text) else {
      throw StoreError.failure("a stored rollout has the salt \"\(text)\"")
    }
    let millionths = try row.get(10, as: Int64.self)
    return Rollout(
      id: try row.id(0), org: try row.id(1), deployment: try row.id(2), number: try row[3],
      from: try row.idOrNil(4), to: try row.id(5), salt: salt, createdAt: try row.time(14),
      policy: try RolloutPolicy(record: try row[7]), state: try row.raw(8),
      exposure: try Exposure(millionths: millionths), exposureChangedAt: try row.time(11),
      nextAdvanceAt: try row.timeOrNil(12), startedAt: try row.timeOrNil(15),
      window: try row[18], windowStart: try row.timeOrNil(19), endedAt: try row.timeOrNil(16),
      stateReason: try row[9],
      verdicts: try [GateVerdict](record: try row[13]), revision: try row[17])
  }
}
