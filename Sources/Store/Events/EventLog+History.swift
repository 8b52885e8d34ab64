internal import SQL

/// What happened to one resource: lists, newest or oldest first.
extension EventLog {
  /// The events of a resource, its children's included: a deployment's with those of its rollouts and pins.
  public struct History: Sendable, Hashable {
    public var org: String
    public var resourceID: String
    /// Only events of these kinds; empty: of all. Callers bound how many: each number of kinds is a statement of its own.
    public var kinds: [String]

    public init(org: String, resourceID: String, kinds: [String] = []) {
      self.org = org
      self.resourceID = resourceID
      self.kinds = kinds
    }
  }

  /// The events of a page, whose `after` is a revision, and whether others follow. Reads no more rows than the page has and skips.
  public func rows(_ page: Page, of history: History) throws -> (
    items: [LoggedEvent], hasMore: Bool
  ) {
    let isAscending = page.order == .oldestFirst
    let (comparison, direction) = isAscending ? (">", "ASC") : ("<", "DESC")
    let after = page.after.flatMap { Int64($0) } ?? (isAscending ? 0 : .max)
    let kinds = Self.condition(on: history.kinds, after: 6)
    func branch(_ condition: String) -> String {
      """
      SELECT * FROM (SELECT revision FROM events WHERE org = $1 AND \(condition)
        AND revision \(comparison) $3\(kinds) ORDER BY revision \(direction) LIMIT $4) AS branch
      """
    }
    // The row belongs to either branch, never to both; each is in the order of its index already.
    let text = """
      SELECT \(Self.columns) FROM events WHERE revision IN (
        SELECT revision FROM (
          \(branch("resource_id = $2")) UNION ALL \(branch(Self.childCondition))
        ) AS either ORDER BY revision \(direction) LIMIT $5 OFFSET $6)
      ORDER BY revision \(direction)
      """
    let wanted = page.limit + 1
    let parameters: [any SQLValue] = [
      history.org, history.resourceID, after, page.skip + wanted, wanted, page.skip,
    ]
    var items = try db.all(text: text, parameters: parameters + history.kinds, map: Self.event)
    let hasMore = items.count > page.limit
    if hasMore { items.removeLast(items.count - page.limit) }
    return (items, hasMore)
  }

  /// How many events a history has, but no more than `limit`.
  public func count(_ history: History, upTo limit: Int) throws -> Int {
    let kinds = Self.condition(on: history.kinds, after: 3)
    let parameters: [any SQLValue] = [history.org, history.resourceID, limit]
    func branch(_ condition: String) -> String {
      """
      (SELECT count(*) FROM (SELECT 1 FROM events WHERE org = $1 AND \(condition)\(kinds)
        LIMIT $3) AS branch)
      """
    }
    let counted = try db.all(
      text: "SELECT \(branch("resource_id = $2")) + \(branch(Self.childCondition))",
      parameters: parameters + history.kinds
    ) { row in try row.get(0, as: Int.self) }.first
    return min(counted ?? 0, limit)
  }

  /// Children of `$2`. An event of a resource that names itself as its parent is no child.
  private static let childCondition = "parent_id = $2 AND parent_id <> '' AND resource_id <> $2"

  private static func condition(on kinds: [String], after parameter: Int) -> String {
    guard !kinds.isEmpty else { return "" }
    let names = kinds.indices.map { "$\(parameter + 1 + $0)" }.joined(separator: ", ")
    return " AND kind IN (\(names))"
  }

  private static let columns = """
    revision, created_at_ms, chain_hash, org, kind, resource_type, resource_id, parent_id, actor,
    method, request_id, before_digest, after_digest, payload
    """
}
