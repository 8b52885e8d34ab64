public import Domain
internal import SQL

/// The deployments of all orgs; every method is scoped to one.
public struct Deployments {
  /// What a list is narrowed to; nil or empty: not.
  public struct Filter: Sendable, Hashable {
    public var environment: DeploymentEnvironment?
    public var states: [DeploymentState] = []
    public var model: ModelID?
    public var variant: VariantID?
    public var ids: [DeploymentID] = []
    public var name: String?

    public init() {}
  }

  private let db: Connection

  public init(_ transaction: ReadTransaction) { db = transaction.connection }

  public func find(_ id: DeploymentID, org: OrgID) throws -> Deployment? {
    try db.first(
      """
      SELECT id, org, model, variant, name, description, labels, environment, state,
        desired_version, active_version, selector, policy, current_rollout, rollout_count,
        created_by, created_at_ms, started_at_ms, ended_at_ms, updated_at_ms, revision,
        replaced_version, target, withdrawn_versions
      FROM deployments WHERE id = $1 AND org = $2
      """, id.rawValue, org.rawValue, map: Self.deployment)
  }

  public func list(_ page: Page, org: OrgID, _ filter: Filter = Filter()) throws -> Listing<
    Deployment
  > {
    try Self.query(org, filter).listing(page, in: db, id: \.id.rawValue, map: Self.deployment)
  }

  /// All that match, oldest first. Unbounded: for scans.
  public func all(org: OrgID, _ filter: Filter = Filter()) throws -> [Deployment] {
    let query = Self.query(org, filter)
    var deployments: [Deployment] = []
    var page = Page(limit: 1_000, order: .oldestFirst)
    while true {
      let (items, hasMore) = try query.rows(page, in: db, map: Self.deployment)
      deployments += items
      guard hasMore else { return deployments }
      page.after = items.last?.id.rawValue
    }
  }

  private static func query(_ org: OrgID, _ filter: Filter) -> ListQuery {
    var query = ListQuery(
      """
      id, org, model, variant, name, description, labels, environment, state, desired_version,
      active_version, selector, policy, current_rollout, rollout_count, created_by, created_at_ms,
      started_at_ms, ended_at_ms, updated_at_ms, revision, replaced_version, target, withdrawn_versions
      """, from: "deployments")
    query.filter("org = ?", org.rawValue)
    if let environment = filter.environment {
      query.filter("environment = ?", environment.rawValue)
    }
    if !filter.states.isEmpty {
      query.filter("state IN (?)", anyOf: filter.states.map(\.rawValue))
    }
    if let model = filter.model { query.filter("model = ?", model.rawValue) }
    if let name = filter.name { query.filter("name = ?", name) }
    if let variant = filter.variant { query.filter("variant = ?", variant.rawValue) }
    if !filter.ids.isEmpty { query.filter("id IN (?)", anyOf: filter.ids.map(\.rawValue)) }
    return query
  }

  /// The deployments of fleets that decide what devices of an org get, oldest first, each with the number of its pins.
  func governing(org: OrgID) throws -> [(deployment: Deployment, pinCount: Int)] {
    try db.all(
      """
      SELECT id, org, model, variant, name, description, labels, environment, state,
        desired_version, active_version, selector, policy, current_rollout, rollout_count,
        created_by, created_at_ms, started_at_ms, ended_at_ms, updated_at_ms, revision,
        replaced_version, target, withdrawn_versions, pin_count
      FROM deployments
      WHERE org = $1 AND target = 'FLEET' AND state IN ('ACTIVE', 'PAUSED', 'FAILED') ORDER BY id
      """, org.rawValue
    ) { row in (try Self.deployment(row), try row.get(24, as: Int.self)) }
  }

  /// A deployment that is not over and has a name; nil: none has.
  ///
  /// A database from before names had to be unique may hold several: then one of them.
  public func named(_ name: String, org: OrgID) throws -> DeploymentID? {
    try db.first(
      """
      SELECT id FROM deployments
      WHERE org = $1 AND name = $2 AND state NOT IN ('ARCHIVED', 'KILLED') ORDER BY id LIMIT 1
      """, org.rawValue, name
    ) { row in try row.id(0) }
  }

  /// A deployment that is not over and targets a group; nil: none does.
  public func usingGroup(_ group: GroupID, org: OrgID) throws -> DeploymentID? {
    var found: DeploymentID?
    try db.each(
      """
      SELECT id, selector FROM deployments
      WHERE org = $1 AND target = 'FLEET' AND state NOT IN ('ARCHIVED', 'KILLED') ORDER BY id
      """, org.rawValue
    ) { row in
      let selector = try Selector(record: try row[1])
      guard selector.groups.contains(group) else { return true }
      found = try row.id(0)
      return false
    }
    return found
  }

  public func insert(_ deployment: Deployment) throws {
    try db.execute(
      """
      INSERT INTO deployments (id, org, model, variant, name, description, labels, environment,
        state, desired_version, active_version, selector, policy, current_rollout, rollout_count,
        created_by, created_at_ms, started_at_ms, ended_at_ms, updated_at_ms, revision,
        replaced_version, target, withdrawn_versions)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19,
        $20, $21, $22, $23, $24)
      """, deployment.id.rawValue, deployment.org.rawValue, deployment.model.rawValue,
      deployment.variant.rawValue, deployment.name, deployment.description,
      deployment.labels.storedText, deployment.environment.rawValue, deployment.state.rawValue,
      deployment.desiredVersion?.rawValue, deployment.activeVersion?.rawValue,
      deployment.selector.record, deployment.policy?.record,
      deployment.currentRollout?.rawValue, deployment.rolloutCount, deployment.createdBy,
      deployment.createdAt.milliseconds, deployment.startedAt?.milliseconds,
      deployment.endedAt?.milliseconds, deployment.updatedAt.milliseconds, deployment.revision,
      deployment.replacedVersion?.rawValue, deployment.target.kind, deployment.withdrawnText)
    try DeploymentEpochs(connection: db).advance(org: deployment.org)
  }

  /// Stores what may change and tells the indexes of the org. One row, whatever the fleet's size.
  public func update(_ deployment: Deployment) throws {
    try db.execute(
      """
      UPDATE deployments SET name = $3, description = $4, labels = $5, state = $6,
        desired_version = $7, active_version = $8, selector = $9, policy = $10,
        current_rollout = $11, rollout_count = $12, started_at_ms = $13, ended_at_ms = $14,
        updated_at_ms = $15, revision = $16, replaced_version = $17,
        withdrawn_versions = $18
      WHERE id = $1 AND org = $2
      """, deployment.id.rawValue, deployment.org.rawValue, deployment.name,
      deployment.description, deployment.labels.storedText, deployment.state.rawValue,
      deployment.desiredVersion?.rawValue, deployment.activeVersion?.rawValue,
      deployment.selector.record, deployment.policy?.record,
      deployment.currentRollout?.rawValue, deployment.rolloutCount,
      deployment.startedAt?.milliseconds, deployment.endedAt?.milliseconds,
      deployment.updatedAt.milliseconds, deployment.revision,
      deployment.replacedVersion?.rawValue, deployment.withdrawnText)
    try DeploymentEpochs(connection: db).advance(org: deployment.org)
  }

  private static func deployment(_ row: Row) throws -> Deployment {
    let policy = try row.get(12, as: [UInt8]?.self)
    return Deployment(
      id: try row.id(0), org: try row.id(1), createdBy: try row[15],
      createdAt: try row.time(16), name: try row[4], description: try row[5],
      labels: try row.labels(6), environment: try row.raw(7), state: try row.raw(8),
      target: try target(row),
      policy: try policy.map { try RolloutPolicy(record: $0) },
      currentRollout: try row.idOrNil(13), rolloutCount: try row[14],
      startedAt: try row.timeOrNil(17), endedAt: try row.timeOrNil(18),
      updatedAt: try row.time(19), revision: try row[20])
  }

  private static func target(_ row: Row) throws -> DeploymentTarget {
    let kind = try row.get(22, as: String.self)
    switch kind {
    case DeploymentTarget.fleetKind:
      return .fleet(
        FleetTarget(
          model: try row.id(2), variant: try row.id(3), desiredVersion: try row.idOrNil(9),
          activeVersion: try row.idOrNil(10), replacedVersion: try row.idOrNil(21),
          withdrawnVersions: Deployment.withdrawn(text: try row[23]),
          selector: try Selector(record: try row[11])))
    default:
      throw StoreError.failure("a stored deployment has a target of kind \"\(kind)\"")
    }
  }
}

extension DeploymentTarget {
  fileprivate static let fleetKind = "FLEET"

  /// What is stored for the kind of a target.
  fileprivate var kind: String {
    switch self {
    case .fleet: Self.fleetKind
    }
  }
}

extension Deployment {
  /// The ids of the withdrawn versions, separated by blanks.
  fileprivate var withdrawnText: String {
    withdrawnVersions.map(\.rawValue).joined(separator: " ")
  }

  fileprivate static func withdrawn(text: String) -> [VersionID] {
    text.split(separator: " ").map { VersionID(String($0)) }
  }
}
