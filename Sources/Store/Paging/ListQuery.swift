internal import SQL

/// A list whose filters vary. Its text is composed of literals alone; whatever a caller chose is a parameter. The `?` of a
/// condition becomes the `$n` of its values.
///
/// ```swift
/// var query = ListQuery("id, name", from: "models")
/// query.filter("org = ?", [org.rawValue], isIndexed: true)
/// if let name { query.filter("name = ?", [name]) }
/// let page = try query.listing(page, in: db) { row in … }
/// ```
struct ListQuery {
  /// Rows that a list on an event loop may look at.
  static let shortLength = 1_000

  private let columns: String
  private let source: String
  private let key: String
  private var conditions: [(text: String, isIndexed: Bool)] = []
  private var parameters: [any SQLValue] = []
  /// How many of the parameters belong to the indexed conditions, which come first.
  private var indexed = 0

  /// `key` is the column of the id that orders the list; unique, and indexed behind the filters.
  init(_ columns: String, from source: String, key: String = "id") {
    self.columns = columns
    self.source = source
    self.key = key
  }

  /// Adds a condition. `isIndexed`: an index leads to the rows that pass this condition and the indexed ones before; these come
  /// before all others.
  mutating func filter(_ condition: String, _ values: [any SQLValue] = [], isIndexed: Bool = false)
  {
    precondition(!isIndexed || indexed == parameters.count, "indexed conditions come first")
    let places = values.map { value in
      parameters.append(value)
      return "$\(parameters.count)"
    }.joined(separator: ", ")
    if isIndexed { indexed = parameters.count }
    let parts = condition.split(separator: "?", omittingEmptySubsequences: false)
    let text = places.isEmpty && parts.count > 1 ? "1 = 0" : parts.joined(separator: places)
    conditions.append((text, isIndexed))
  }

  // MARK: Running

  /// Calls `body` with the rows of a page in order, and one more when there is one, until it returns false.
  private func each(
    _ page: Page, in db: Connection, _ body: (inout RowReader) throws -> Bool
  ) throws {
    var query = self
    let isAscending = page.order == .oldestFirst
    if let after = page.after { query.filter("\(key) \(isAscending ? ">" : "<") ?", [after]) }
    query.parameters += [page.limit + 1, page.skip] as [any SQLValue]
    let last = query.parameters.count
    try db.each(
      text: "SELECT \(columns) FROM \(source)\(query.clause)"
        + " ORDER BY \(key) \(isAscending ? "ASC" : "DESC") LIMIT $\(last - 1) OFFSET $\(last)",
      parameters: query.parameters, body: body)
  }

  /// A page with its total. `map` makes an entry, with the value of the key column and its size in bytes, out of a row: a page
  /// ends before the entry that exceeds its bytes, but not before the first.
  func listing<T>(
    _ page: Page, in db: Connection,
    map: (inout RowReader) throws -> (item: T, key: String, bytes: Int)
  ) throws -> Listing<T> {
    let (items, next) = try rows(page, in: db, map: map)
    return Listing(
      items: items, next: next, total: try count(in: db, upTo: Listing<T>.countLimit))
  }

  /// As above without the total.
  func rows<T>(
    _ page: Page, in db: Connection,
    map: (inout RowReader) throws -> (item: T, key: String, bytes: Int)
  ) throws -> (items: [T], next: String?) {
    var items = PageItems<T>(page)
    var (last, next): (String?, String?) = (nil, nil)
    try each(page, in: db) { row in
      let entry = try map(&row)
      guard items.add(entry.item, bytes: entry.bytes) else {
        next = last
        return false
      }
      last = entry.key
      return true
    }
    return (items.items, next)
  }

  /// How many rows match, whatever the page, but no more than `limit`.
  func count(in db: Connection, upTo limit: Int) throws -> Int {
    try Self.count(source, clause, parameters, in: db, upTo: limit)
  }

  /// Whether few rows match the indexed conditions.
  func isShort(in db: Connection) throws -> Bool {
    let texts = conditions.filter(\.isIndexed).map(\.text)
    let count = try Self.count(
      source, Self.clause(texts), Array(parameters[..<indexed]), in: db,
      upTo: Self.shortLength + 1)
    return count <= Self.shortLength
  }

  private static func count(
    _ source: String, _ clause: String, _ parameters: [any SQLValue], in db: Connection,
    upTo limit: Int
  ) throws -> Int {
    let place = parameters.count + 1
    return try db.all(
      text: "SELECT count(*) FROM (SELECT 1 FROM \(source)\(clause) LIMIT $\(place)) AS matching",
      parameters: parameters + [limit]
    ) { row in try row.get(0, as: Int.self) }.first ?? 0
  }

  private var clause: String { Self.clause(conditions.map(\.text)) }

  private static func clause(_ conditions: [String]) -> String {
    conditions.isEmpty ? "" : " WHERE " + conditions.joined(separator: " AND ")
  }
}
