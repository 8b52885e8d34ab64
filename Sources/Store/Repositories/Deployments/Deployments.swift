public import Domain
public import SQL

/// The deployments of all orgs.
public typealias Deployments = Rows<Deployment>

extension Deployment: Dated {
  public static let table = Table<Deployment>("deployments") {
    $0.column("id", \.id)
    $0.column("org", \.org)
    $0.column("name", \.name, .changes)
    $0.column("description", \.description, .changes)
    $0.column("labels", \.labels, .changes)
    $0.column("environment", \.environment.rawValue)
    $0.column("state", \.state.rawValue, .changes)
    $0.column("target", \.target.kind)
    $0.column("model", \.model)
    $0.column("variant", \.variant)
    $0.column("desired_version", \.desiredVersion, .changes)
    $0.column("active_version", \.activeVersion, .changes)
    $0.column("replaced_version", \.replacedVersion, .changes)
    $0.column("withdrawn_versions", \.withdrawnText, .changes)
    $0.column("selector", \.selector.record, .changes)
    $0.column("policy", \.policy?.record, .changes)
    $0.column("current_rollout", \.currentRollout, .changes)
    $0.column("rollout_count", \.rolloutCount, .changes)
    $0.column("created_by", \.createdBy)
    $0.column("created_at_ms", \.createdAt)
    $0.column("started_at_ms", \.startedAt, .changes)
    $0.column("ended_at_ms", \.endedAt, .changes)
    $0.column("updated_at_ms", \.updatedAt, .changes)
    $0.column("revision", \.revision, .changes)
  }
  fileprivate static let governing = SQLText(
    """
    SELECT \(table.columns), pin_count FROM deployments
    WHERE org = $1 AND target = 'FLEET' AND state IN ('ACTIVE', 'PAUSED', 'FAILED') ORDER BY id
    """)
  fileprivate static let changed = SQLText(
    "SELECT \(table.columns), pin_count FROM deployments WHERE org = $1 AND epoch > $2")

  public init(row: inout RowReader) throws {
    let (id, org): (DeploymentID, OrgID) = (try row.next(), try row.next())
    let (name, description): (String, String) = (try row.next(), try row.next())
    let labels: Labels = try row.next()
    let (environment, state): (DeploymentEnvironment, DeploymentState) = (
      try row.raw(), try row.raw()
    )
    let target = try DeploymentTarget(row: &row)
    let policy = try row.next([UInt8]?.self).map { try RolloutPolicy(record: $0) }
    let (rollout, count): (RolloutID?, Int64) = (try row.next(), try row.next())
    self.init(
      id: id, org: org, createdBy: try row.next(), createdAt: try row.next(), name: name,
      description: description, labels: labels, environment: environment, state: state,
      target: target, policy: policy, currentRollout: rollout, rolloutCount: count,
      startedAt: try row.next(), endedAt: try row.next(), updatedAt: try row.next(),
      revision: try row.next())
  }

  /// Tells the indexes of the org.
  public func writeRest(_ db: Connection) throws {
    try DeploymentEpochs(connection: db).advance(org: org, id)
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

  /// The kind and what belongs to it.
  fileprivate init(row: inout RowReader) throws {
    let kind = try row.next(String.self)
    guard kind == Self.fleetKind else {
      throw StoreError.failure("a stored deployment has a target of kind \"\(kind)\"")
    }
    self = .fleet(
      FleetTarget(
        model: try row.next(), variant: try row.next(), desiredVersion: try row.next(),
        activeVersion: try row.next(), replacedVersion: try row.next(),
        withdrawnVersions: Deployment.withdrawn(text: try row.next()),
        selector: try Selector(record: try row.next())))
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

extension Condition<Deployment> {
  public static func variant(_ variant: VariantID) -> Self {
    Self("variant = ?", variant, isIndexed: true)
  }
  public static func model(_ model: ModelID) -> Self { Self("model = ?", model, isIndexed: true) }
  public static func environment(_ environment: DeploymentEnvironment) -> Self {
    Self("environment = ?", environment.rawValue)
  }
  public static func states(_ states: [DeploymentState]) -> Self {
    Self("state IN (?)", anyOf: states.map(\.rawValue))
  }
  public static func name(_ name: String) -> Self { Self("name = ?", name, isIndexed: true) }
  public static func ids(_ ids: [DeploymentID]) -> Self { Self("id IN (?)", anyOf: ids) }
}

extension Rows<Deployment> {
  /// The deployments of fleets that decide what devices of an org get, oldest first, each with the number of its pins.
  func governing(org: OrgID) throws -> [(deployment: Deployment, pinCount: Int)] {
    try db.all(Deployment.governing, org) { row in
      (try Deployment(row: &row), try row.next(Int.self))
    }
  }

  /// A deployment that is not over and has a name; nil: none has.
  ///
  /// A database from before names had to be unique may hold several: then one of them.
  public func named(_ name: String, org: OrgID) throws -> DeploymentID? {
    try db.first(
      """
      SELECT id FROM deployments
      WHERE org = $1 AND name = $2 AND state NOT IN ('ARCHIVED', 'KILLED') ORDER BY id LIMIT 1
      """, org, name
    ) { row in try row.id(0) }
  }

  /// The deployments of an org that changed after one of its epochs, in whatever state, each with the number of its pins.
  func changed(org: OrgID, after epoch: Int64) throws -> [(deployment: Deployment, pinCount: Int)] {
    try db.all(Deployment.changed, org, epoch) { row in
      (try Deployment(row: &row), try row.next(Int.self))
    }
  }

  /// The deployments that are not over and target a group, with the epoch of the org that this is as of. As long as the org has
  /// deployments: for scans.
  public func usingGroup(
    _ group: GroupID, org: OrgID
  ) throws -> (deployments: [DeploymentID], epoch: Int64) {
    let epoch = try DeploymentEpochs(connection: db).current(org: org)
    var found: [DeploymentID] = []
    try db.each(
      """
      SELECT id, selector FROM deployments
      WHERE org = $1 AND target = 'FLEET' AND state NOT IN ('ARCHIVED', 'KILLED') ORDER BY id
      """, org
    ) { row in
      let selector = try Selector(record: try row[1])
      if selector.groups.contains(group) { found.append(try row.id(0)) }
      return true
    }
    return (found, epoch)
  }

  /// A deployment that is not over and targets a group, nil: none does. `known` is what ``usingGroup(_:org:)`` found: looks at those and
  /// at what has changed since.
  public func usingGroup(
    _ group: GroupID, org: OrgID, known: (deployments: [DeploymentID], epoch: Int64)
  ) throws -> DeploymentID? {
    func uses(_ deployment: Deployment) -> Bool {
      !deployment.state.isOver && deployment.selector.groups.contains(group)
    }
    for id in known.deployments {
      if let deployment = try find(id, org: org), uses(deployment) { return id }
    }
    return try changed(org: org, after: known.epoch).first { uses($0.deployment) }?.deployment.id
  }
}
