import ProtoWire

/// What the schema says about a declaration.
struct Comment {
  var lines: [String]
  var isDeprecated: Bool

  /// The comment above a declaration and the one at its end of line, without their common indentation.
  init(_ location: SourceCodeInfo.Location?, isDeprecated: Bool) {
    self.isDeprecated = isDeprecated
    lines = []
    guard let location else { return }
    for text in [location.leadingComments, location.trailingComments] where !text.isEmpty {
      // CR LF is one Character, and no "\n".
      let split = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
      var paragraph = split.map { line in
        var line = line
        while let last = line.last, last == " " || last == "\t" { line = line.dropLast() }
        return String(line.first == " " ? line.dropFirst() : line)
      }
      while paragraph.last == "" { paragraph.removeLast() }
      while paragraph.first == "" { paragraph.removeFirst() }
      if !lines.isEmpty, !paragraph.isEmpty { lines.append("") }
      lines += paragraph
    }
  }
}
