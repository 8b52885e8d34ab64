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
  ///
  /// Where they would be longer than `width` the widest columns are cut, at the end, with "…"; nil: whole cells.
  func rendered(width: Int? = nil) -> String {
    var widths = columns.indices.map { column in
      rows.reduce(DisplayWidth.of(columns[column].title)) { max($0, DisplayWidth.of($1[column])) }
    }
    if let width { Self.shrink(&widths, to: width - 2 * (columns.count - 1)) }
    return ([columns.map(\.title)] + rows).map { cells in
      line(of: zip(cells, widths).map { DisplayWidth.cut($0, to: $1) }, widths: widths)
    }.joined(separator: "\n")
  }

  /// No column is cut below this, whatever the terminal.
  private static let narrowest = 8

  /// Takes from the widest columns until the sum fits, or nothing more can be taken.
  ///
  /// [10, 40, 30] to 60 → [10, 25, 25]
  static func shrink(_ widths: inout [Int], to room: Int) {
    var surplus = widths.reduce(0, +) - room
    while surplus > 0, let widest = widths.max(), widest > narrowest {
      let next = max(narrowest, widths.filter { $0 < widest }.max() ?? narrowest)
      let columns = widths.indices.filter { widths[$0] == widest }
      let share = min(widest - next, max(1, surplus / columns.count))
      for column in columns where surplus > 0 {
        widths[column] -= share
        surplus -= share
      }
    }
  }

  private func line(of cells: [String], widths: [Int]) -> String {
    var line = ""
    for (index, cell) in cells.enumerated() {
      if index > 0 { line += "  " }
      let padding = String(repeating: " ", count: max(0, widths[index] - DisplayWidth.of(cell)))
      line += columns[index].alignment == .right ? padding + cell : cell + padding
    }
    while line.last == " " { line.removeLast() }
    return line
  }

  /// What a peer named must not move the cursor of a terminal, nor turn the direction of what follows: such characters become
  /// blanks.
  static func oneLine(_ text: String) -> String {
    String(
      String.UnicodeScalarView(
        text.unicodeScalars.map { scalar in
          switch scalar.value {
          case 0..<0x20, 0x7f...0x9f, 0x2028...0x202e, 0x2066...0x2069: " "
          default: scalar
          }
        }))
  }
}
