public import SQL

/// A table whose rows are values of one type: its columns, declared once and in order, and the statements that follow from them.
///
/// ```swift
/// static let table = Table<Model>("models", unique: ["org", "name"]) {
///   $0.column("id", \.id)
///   $0.column("org", \.org)
///   $0.column("name", \.name)
///   $0.column("description", \.description, .changes)   // what an UPDATE writes
/// }
/// ```
public final class Table<Value>: Sendable {
  /// Whether an UPDATE writes a column.
  public enum Change: Sendable {
    case fixed
    case changes
  }

  struct Column: Sendable {
    let name: StaticString
    let change: Change
    let bind: @Sendable (Value, inout ParameterWriter) throws(SQLError) -> Void
  }

  /// Collects the columns of a table.
  public struct Columns {
    fileprivate(set) var list: [Column] = []

    /// The next column and where its value stands.
    mutating func column<T: SQLValue & SendableMetatype>(
      _ name: StaticString, _ value: @escaping @Sendable (Value) -> T, _ change: Change = .fixed
    ) {
      list.append(
        Column(name: name, change: change) { source, parameters throws(SQLError) in
          try parameters.add(value(source))
        })
    }
  }

  let name: StaticString
  /// The column that says whose a row is.
  let scope: StaticString
  /// The rule that siblings have different names, as errors tell it; "" when there is none.
  let uniqueConstraint: String
  /// The columns as a SELECT lists them, in order.
  let columns: String
  @usableFromInline let byID: SQLText
  let insertion: SQLText
  let update: SQLText
  let deletion: SQLText

  private let all: [Column]
  private let changing: [Column]

  /// `unique` are the columns of its UNIQUE constraint, whose name in the schema is that of the table and its columns.
  init(
    _ name: StaticString, scope: StaticString = "org", unique: [String] = [],
    _ declare: (inout Columns) -> Void
  ) {
    var columns = Columns()
    declare(&columns)
    self.name = name
    self.scope = scope
    all = columns.list
    changing = all.filter { $0.change == .changes }
    uniqueConstraint = unique.isEmpty ? "" : (["\(name)"] + unique).joined(separator: "_")
    self.columns = all.map { "\($0.name)" }.joined(separator: ", ")
    byID = SQLText("SELECT \(self.columns) FROM \(name) WHERE id = $1 AND \(scope) = $2")
    insertion = SQLText(Self.insertion(into: name, all.map { "\($0.name)" }))
    let changes = changing.enumerated().map { "\($1.name) = $\($0 + 3)" }
    update = SQLText(
      "UPDATE \(name) SET \(changes.joined(separator: ", ")) WHERE id = $1 AND \(scope) = $2")
    deletion = SQLText("DELETE FROM \(name) WHERE id = $1 AND \(scope) = $2")
  }

  /// A SELECT of the columns, `rest` being literal SQL from WHERE on. For a `static let`.
  func select(_ rest: StaticString) -> SQLText { SQLText("SELECT \(columns) FROM \(name) \(rest)") }

  /// An INSERT of the columns and one more, for what a table holds and its values do not. For a `static let`.
  func insertion(with column: StaticString) -> SQLText {
    SQLText(Self.insertion(into: name, all.map { "\($0.name)" } + ["\(column)"]))
  }

  private static func insertion(into name: StaticString, _ columns: [String]) -> String {
    let parameters = columns.indices.map { "$\($0 + 1)" }.joined(separator: ", ")
    return
      "INSERT INTO \(name) (\(columns.joined(separator: ", "))) VALUES (\(parameters))"
  }

  /// Binds every column.
  func bind(_ value: Value, to parameters: inout ParameterWriter) throws(SQLError) {
    for column in all { try column.bind(value, &parameters) }
  }

  /// Binds the columns that may change.
  func bindChanges(_ value: Value, to parameters: inout ParameterWriter) throws(SQLError) {
    for column in changing { try column.bind(value, &parameters) }
  }

  /// How many columns a row has.
  var count: Int { all.count }
}
