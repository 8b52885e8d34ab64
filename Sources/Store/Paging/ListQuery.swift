internal import SQL

/// A list whose filters vary. Its text is composed of literals alone; whatever a caller chose is a
/// parameter. The `?` of a condition becomes the parameter's `$n`.
///
/// ```swift
/// var query = ListQuery("id, name", from: "models")
/// query.filter("org = ?", org.rawValue)
/// if let name { query.filter("name = ?", name) }
/// let page = try query.listing(page, in: db, id: \.id.rawValue) { row in … }
/// ```
struct ListQuery {
  private let columns: StaticString
  private let source: StaticString
  private let key: StaticString
  private var conditions: [String] = []
  private var parameters: [any SQLValue] = []

  /// `key` is the column of the id that orders the list; unique, and indexed behind the filters.
  init(_ columns: StaticString, from source: StaticString, key: StaticString = "id") {
    self.columns = columns
    self.source = source
    self.key = key
  }

  /// A condition without a value.
  mutating func filter(_ condition: StaticString) {
    conditions.append(condition.description)
  }

  /// A condition with one value, written `?`.
  mutating func filter(_ condition: StaticString, _ value: any SQLValue) {
    parameters.append(value)
    conditions.append(
      condition.description.split(separator: "?", omittingEmptySubsequences: false)
        .joined(separator: "$\(parameters.count)"))
  }

  /// A condition on a set of values, written `?`, as in `state IN (?)`. An empty set matches nothing.
  mutating func filter(_ condition: StaticString, anyOf values: [any SQLValue]) {
    guard !values.isEmpty else {
      conditions.append("1 = 0")
      return
    }
    let names = values.map { value in
      parameters.append(value)
      return "$\(parameters.count)"
    }.joined(separator: ", ")
    conditions.append(
      condition.description.split(separator: "?", omittingEmptySubsequences: false)
        .joined(separator: names))
  }

  /// The rows of a page and whether others follow, without counting the rest.
  func rows<T>(_ page: Page, in db: Connection, map: (Row) throws -> T) throws -> (
    items: [T], hasMore: Bool
  ) {
    var query = self
    let isAscending = page.order == .oldestFirst
    if let after = page.after {
      query.parameters.append(after)
      query.conditions.append("\(key) \(isAscending ? ">" : "<") $\(query.parameters.count)")
    }
    query.parameters.append(page.limit + 1)
    let limit = query.parameters.count
    query.parameters.append(page.skip)
    var items = try db.all(
      text: "SELECT \(columns) FROM \(source)\(query.clause)"
        + " ORDER BY \(key) \(isAscending ? "ASC" : "DESC") LIMIT $\(limit) OFFSET $\(limit + 1)",
      parameters: query.parameters, map: map)
    let hasMore = items.count > page.limit
    if hasMore { items.removeLast(items.count - page.limit) }
    return (items, hasMore)
  }

  /// How many rows match, whatever the page.
  func count(in db: Connection) throws -> Int {
    try db.all(text: "SELECT count(*) FROM \(source)\(clause)", parameters: parameters) { row in
      try row.get(0, as: Int.self)
    }.first ?? 0
  }

  /// A page with its total; `id` is the value of the key column.
  func listing<T>(
    _ page: Page, in db: Connection, id: (T) -> String, map: (Row) throws -> T
  ) throws -> Listing<T> {
    let (items, hasMore) = try rows(page, in: db, map: map)
    return Listing(
      items: items, next: hasMore ? items.last.map(id) : nil, total: try count(in: db))
  }

  private var clause: String {
    conditions.isEmpty ? "" : " WHERE " + conditions.joined(separator: " AND ")
  }
}
