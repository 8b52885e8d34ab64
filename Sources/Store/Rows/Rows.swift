public import Domain
public import SQL

/// The rows of one table, each of some org: what a repository is.
///
/// A method that changes rows fails with `.readOnly` outside `store.write`.
public struct Rows<Value: Stored> {
  @usableFromInline let db: Connection

  @inlinable
  public init(_ transaction: ReadTransaction) { db = transaction.connection }

  /// The value of an id, nil when the org has none. One read by key.
  @inlinable
  public func find(_ id: ID<Value.Owner>, org: OrgID) throws -> Value? {
    var found = try db.first(Value.table.byID, id.rawValue, org.rawValue) { row in
      try Value(row: &row)
    }
    try found?.readRest(db)
    return found
  }

  /// The value of the first row of a statement over the table's columns.
  func first<each P: SQLValue>(_ sql: SQLText, _ parameters: repeat each P) throws -> Value? {
    var found = try db.first(sql, repeat each parameters) { row in try Value(row: &row) }
    try found?.readRest(db)
    return found
  }

  /// Stores a new value. `.constraint` of kind unique when a sibling has its name.
  public func insert(_ value: Value) throws {
    try insert(value, Value.table.insertion) { _ throws(SQLError) in }
  }

  /// As above by another statement, whose further parameters `rest` adds.
  func insert(
    _ value: Value, _ sql: SQLText, rest: (inout ParameterWriter) throws(SQLError) -> Void
  ) throws {
    do {
      try db.execute(sql) { parameters throws(SQLError) in
        try Value.table.bind(value, to: &parameters)
        try rest(&parameters)
      }
    } catch {
      throw StoreError(error)
    }
    try value.writeRest(db)
  }

  /// Stores what may change of a value; nothing when the org has no such value. `.constraint` as for ``insert(_:)``.
  public func update(_ value: Value) throws {
    let changed: Int
    do {
      changed = try db.execute(Value.table.update) { parameters throws(SQLError) in
        try parameters.add(value.id.rawValue)
        try parameters.add(value.org.rawValue)
        try Value.table.bindChanges(value, to: &parameters)
      }
    } catch {
      throw StoreError(error)
    }
    if changed > 0 { try value.writeRest(db) }
  }

  /// Removes the row of an id; nothing when the org has none.
  public func delete(_ id: ID<Value.Owner>, org: OrgID) throws {
    try Value.removeRest(of: id, db)
    try db.execute(Value.table.deletion) { parameters throws(SQLError) in
      try parameters.add(id.rawValue)
      try parameters.add(org.rawValue)
    }
  }

  /// Whether an error of ``insert(_:)`` or ``update(_:)`` says that a sibling has the name already.
  public static func isNameTaken(_ error: StoreError) -> Bool {
    error == .constraint(kind: "unique", name: Value.table.uniqueConstraint)
  }
}

// MARK: Lists

extension Rows {
  /// A page of the values for which all conditions hold, as `item` makes it: an entry and its size in bytes. Of all orgs when
  /// `org` is nil.
  ///
  /// Looks at as many rows as match the conditions of the filters, so it is for the scan threads unless ``isShort(org:_:)``.
  public func list<Item>(
    _ page: Page, org: OrgID?, _ conditions: [Condition<Value>] = [],
    item: (Value) throws -> (Item, bytes: Int)
  ) throws -> Listing<Item> {
    try query(org, conditions).listing(page, in: db) { row in try entry(&row, item) }
  }

  /// As above, the values themselves. Their size has no bound.
  public func list(
    _ page: Page, org: OrgID?, _ conditions: [Condition<Value>] = []
  ) throws -> Listing<Value> {
    try list(page, org: org, conditions) { ($0, 0) }
  }

  /// As above without the total: the entries, and the id after which the next page begins.
  public func rows<Item>(
    _ page: Page, org: OrgID?, _ conditions: [Condition<Value>] = [],
    item: (Value) throws -> (Item, bytes: Int)
  ) throws -> (items: [Item], next: String?) {
    try query(org, conditions).rows(page, in: db) { row in try entry(&row, item) }
  }

  private func entry<Item>(
    _ row: inout RowReader, _ item: (Value) throws -> (Item, bytes: Int)
  ) throws -> (item: Item, key: String, bytes: Int) {
    var value = try Value(row: &row)
    try value.readRest(db)
    let (item, bytes) = try item(value)
    return (item, value.id.rawValue, bytes)
  }

  /// Whether a list looks at few rows, whatever its page: the conditions that an index serves leave at most
  /// ``ListQuery/shortLength``. Looks at no more than that itself.
  public func isShort(org: OrgID?, _ conditions: [Condition<Value>] = []) throws -> Bool {
    try query(org, conditions).isShort(in: db)
  }

  private func query(_ org: OrgID?, _ conditions: [Condition<Value>]) -> ListQuery {
    let table = Value.table
    var query = ListQuery(table.columns, from: "\(table.name)")
    if let org { query.filter("\(table.scope) = ?", [org.rawValue], isIndexed: true) }
    for condition in conditions.filter(\.isIndexed) + conditions.filter({ !$0.isIndexed }) {
      query.filter(condition.text.description, condition.values, isIndexed: condition.isIndexed)
    }
    return query
  }
}

/// What a list is narrowed to: a test that a row passes.
///
/// The tests that callers may use are declared beside the table of each value.
public struct Condition<Value>: Sendable {
  let text: StaticString
  let values: [any SQLValue & Sendable]
  let isIndexed: Bool

  /// `text` holds a `?` for each place of the values, which become one parameter each, separated by commas. `isIndexed`: an
  /// index leads from the org, or from the conditions before, to the rows that pass.
  init(_ text: StaticString, _ values: any SQLValue & Sendable..., isIndexed: Bool = false) {
    self.init(text, anyOf: values, isIndexed: isIndexed)
  }

  /// As above with a list of values that varies in length. An empty one passes no row.
  init(_ text: StaticString, anyOf values: [any SQLValue & Sendable], isIndexed: Bool = false) {
    self.text = text
    self.values = values
    self.isIndexed = isIndexed
  }
}

extension Condition where Value: Archivable {
  /// Not archived.
  public static var isOpen: Self { Self("archived_at_ms IS NULL") }
}
