import Testing

/// Rules of the house that a compiler does not hold. Each failure names the file and the line.
@Suite struct StyleTests {
  /// Traps need a reason: a comment on the same line or right above, or the message of the trap itself.
  @Test(arguments: SourceTree.written)
  func `a trap says why it cannot happen`(file: SourceTree.File) {
    for (index, line) in file.lines.enumerated() where !line.isComment {
      for trap in ["fatalError()", "preconditionFailure()", "try!"] where line.contains(trap) {
        #expect(
          file.hasReason(at: index, within: 1),
          "\(file.path):\(index + 1): \(trap) without a reason")
      }
    }
  }

  @Test(arguments: SourceTree.written)
  func `what the compiler does not check says why it holds`(file: SourceTree.File) {
    for (index, line) in file.lines.enumerated() where !line.isComment {
      for escape in ["@unchecked Sendable", "nonisolated(unsafe)"] where line.contains(escape) {
        #expect(
          file.hasReason(at: index, within: 3),
          "\(file.path):\(index + 1): \(escape) without a reason")
      }
    }
  }

  @Test(arguments: SourceTree.written)
  func `nothing is left for later`(file: SourceTree.File) {
    for (index, line) in file.lines.enumerated() {
      for word in ["TODO", "FIXME", "HACK", "XXX"] where line.contains(word) {
        Issue.record("\(file.path):\(index + 1): \(word)")
      }
    }
  }

  /// The executable talks to people, the code generator to protoc; libraries log or throw.
  @Test(
    arguments: SourceTree.written.filter {
      !["rollcall", "protoc-gen-rollcall"].contains($0.module)
    })
  func `a library never prints`(file: SourceTree.File) {
    for (index, line) in file.lines.enumerated() where !line.isComment {
      let code = line.drop { $0 == " " }
      #expect(!code.hasPrefix("print("), "\(file.path):\(index + 1) prints")
    }
  }

  @Test(arguments: SourceTree.written)
  func `a file is short`(file: SourceTree.File) {
    #expect(
      file.lines.count <= 600,
      "\(file.path) has \(file.lines.count) lines; split it (150–400 is usual)")
  }

  /// Migrations are named by their number and area instead.
  @Test(
    arguments: SourceTree.written.filter {
      $0.baseName != "main" && $0.baseName.prefixMatch(of: #/[0-9]{4}_/#) == nil
    })
  func `a file is named as its type`(file: SourceTree.File) {
    let noun = String(file.baseName.split(separator: "+")[0])
    let names = file.declaredNames
    // "ChannelConfiguration" may be `Channel.Configuration`, "Timestamp+JSON" `Google_Protobuf_Timestamp`; a file that only
    // extends types of others is named after what it adds.
    let isNamed = names.contains { $0.contains(noun) || noun.hasSuffix($0) }
    #expect(
      isNamed || file.onlyExtends || file.declares(conformersOf: noun),
      "\(file.path) declares no \(noun) but \(names.joined(separator: ", "))")
  }

  @Test func `there is no room for leftovers`() {
    for file in SourceTree.written {
      for word in ["Util", "Helper", "Manager", "Common", "Misc"] {
        #expect(!file.path.contains(word), "\(file.path) is named after nothing")
      }
    }
  }
}

extension String {
  fileprivate var isComment: Bool { drop { $0 == " " }.hasPrefix("//") }
}

extension SourceTree.File {
  /// Names after struct, class, enum, actor, protocol, typealias and extension, in order.
  fileprivate var declaredNames: [String] { declarations.map(\.name) }

  /// Whether the file declares no type of its own at top level.
  fileprivate var onlyExtends: Bool {
    let tops = declarations.filter(\.isTop)
    return !tops.isEmpty && tops.allSatisfy { $0.kind == "extension" }
  }

  /// Whether a type of the file conforms to what the file is named after: "WireCodec+Numbers" holds codecs of numbers.
  fileprivate func declares(conformersOf noun: String) -> Bool {
    lines.contains { !$0.isComment && $0.contains(": \(noun)") }
  }

  private var declarations: [(kind: String, name: String, isTop: Bool)] {
    let kinds: Set<String> = [
      "struct", "class", "enum", "actor", "protocol", "extension", "typealias",
    ]
    return lines.compactMap { line in
      guard !line.isComment else { return nil }
      let words = line.split { !($0.isLetter || $0.isNumber || $0 == "_") }.map(String.init)
      guard let at = words.indices.dropLast().first(where: { kinds.contains(words[$0]) }) else {
        return nil
      }
      return (words[at], words[at + 1], line.first != " ")
    }
  }

  /// Whether line `index` ends in a comment, or one of the `within` lines above it is one.
  fileprivate func hasReason(at index: Int, within: Int) -> Bool {
    if lines[index].contains(" // ") { return true }
    return (max(0, index - within)..<index).contains { lines[$0].isComment }
  }
}
