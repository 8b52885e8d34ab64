/// Swift text under construction: lines with the indentation of the current block.
struct SourceWriter {
  private(set) var text = ""
  private var depth = 0

  /// Writes lines at the current indentation; an empty string is an empty line.
  mutating func line(_ lines: String...) {
    for line in lines {
      if !line.isEmpty {
        for _ in 0..<depth { text += "  " }
        text += line
      }
      text += "\n"
    }
  }

  /// An empty line, unless a block has just begun or the last line is empty already.
  mutating func gap() {
    if text.isEmpty || text.hasSuffix("\n\n") || text.hasSuffix("{\n") { return }
    text += "\n"
  }

  /// `head {`, an indented body, `}`.
  mutating func block(_ head: String, _ body: (inout SourceWriter) -> Void) {
    line(head + " {")
    indented(body)
    line("}")
  }

  mutating func indented(_ body: (inout SourceWriter) -> Void) {
    depth += 1
    body(&self)
    depth -= 1
  }

  /// A schema comment as `///` lines.
  mutating func doc(_ comment: Comment) {
    for text in comment.lines { line(text.isEmpty ? "///" : "/// \(text)") }
    if comment.isDeprecated {
      if !comment.lines.isEmpty { line("///") }
      line("/// - Note: Deprecated by the schema.")
    }
  }

  /// A head with its parameters: on one line when it fits into 100 columns, else the parameters on a second one, else each on its
  /// own.
  mutating func line(wrapping head: String, _ items: [String], _ tail: String) {
    let single = head + items.joined(separator: ", ") + tail
    if single.count + depth * 2 <= 100 {
      line(single)
      return
    }
    line(head)
    let isList = tail.hasPrefix("]")
    let second = items.joined(separator: ", ") + tail
    if !isList, second.count + (depth + 1) * 2 <= 100 {
      indented { $0.line(second) }
      return
    }
    indented { writer in
      for (index, item) in items.enumerated() {
        let isLast = index + 1 == items.count
        writer.line(item + (isLast ? (isList ? "," : tail) : ","))
      }
    }
    if isList { line(tail) }
  }
}
