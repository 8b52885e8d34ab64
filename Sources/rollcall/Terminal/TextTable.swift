/// Rows of text in columns as wide as their widest cell, for people; programs ask for JSON.
struct TextTable {
  enum Alignment {
    case left, right
  }

  struct Column {
    let title: String
    var alignment = Alignment.left
  }

  let columns: [Column]
  private var rows: [[String]] = []

  init(_ titles: String..., right: Set<String> = []) {
    columns = titles.map { Column(title: $0, alignment: right.contains($0) ? .right : .left) }
  }

  /// Adds a row; a row with fewer cells than columns ends in empty cells, surplus cells are dropped.
  mutating func add(_ cells: String...) { add(cells) }

  mutating func add(_ cells: [String]) {
    let clean = cells.prefix(columns.count).map(Self.oneLine)
    rows.append(clean + Array(repeating: "", count: columns.count - clean.count))
  }

  var isEmpty: Bool { rows.isEmpty }

  /// The lines, titles first, without trailing blanks and without a last line feed.
  func rendered() -> String {
    let widths = columns.indices.map { column in
      rows.reduce(columns[column].title.count) { max($0, $1[column].count) }
    }
    return ([columns.map(\.title)] + rows).map { line(of: $0, widths: widths) }
      .joined(separator: "\n")
  }

  private func line(of cells: [String], widths: [Int]) -> String {
    var line = ""
    for (index, cell) in cells.enumerated() {
      if index > 0 { line += "  " }
      let padding = String(repeating: " ", count: widths[index] - cell.count)
      line += columns[index].alignment == .right ? padding + cell : cell + padding
    }
    while line.last == " " { line.removeLast() }
    return line
  }

  /// What a peer named must not move the cursor of a terminal: control characters become blanks.
  static func oneLine(_ text: String) -> String {
    String(
      String.UnicodeScalarView(
        text.unicodeScalars.map {
          $0.value < 0x20 || (0x7f...0x9f).contains($0.value) ? " " : $0
        }))
  }
}
