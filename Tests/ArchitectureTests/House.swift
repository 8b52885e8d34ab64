/// The table of "The house" in ARCHITECTURE.md: which modules each target may import.
///
/// The document is the rule; the tests only read it. A cell lists modules separated by commas. `NIO` stands for the
/// modules of the event-loop package, "everything" for any, and `stdlib` for what comes with the compiler.
struct House {
  enum Allowed: Equatable {
    case everything
    case modules(Set<String>)
  }

  /// Target name → what it may import beyond the standard library.
  let allowed: [String: Allowed]

  static let eventLoopModules: Set<String> = [
    "NIOCore", "NIOPosix", "NIOConcurrencyHelpers", "NIOEmbedded",
  ]
  /// What every target may import except those whose cell says "stdlib only".
  static let platformModules: Set<String> = [
    "Glibc", "Musl", "Darwin", "Synchronization", "Dispatch",
  ]

  init(markdown: String) {
    var allowed: [String: Allowed] = [:]
    var inside = false
    for line in markdown.split(separator: "\n") {
      if line.hasPrefix("## ") { inside = line == "## The house" }
      guard inside, line.hasPrefix("|") else { continue }
      let cells = line.split(separator: "|", omittingEmptySubsequences: false)
      guard cells.count >= 5 else { continue }
      let modules = Self.modules(String(cells[3]))
      for target in Self.targets(String(cells[1])) { allowed[target] = modules }
    }
    self.allowed = allowed
  }

  /// "`Sources/RPCServer`, `RPCClient`" → RPCServer, RPCClient. Rows that name no target's folder give none.
  private static func targets(_ cell: String) -> [String] {
    let names = cell.split(separator: "`").filter { $0.contains { $0.isLetter } }
    guard let first = names.first, first.hasPrefix("Sources/") || first.hasPrefix("codegen/") else {
      return []
    }
    return names.map { String($0.split(separator: "/").last!) }
  }

  private static func modules(_ cell: String) -> Allowed {
    let words = cell.split(separator: ",").map { $0.filter { !" `".contains($0) } }
    if words == ["everything"] { return .everything }
    if words == ["stdlibonly"] { return .modules([]) }
    var set = platformModules
    for word in words where word != "stdlib" && !word.isEmpty {
      if word == "NIO" { set.formUnion(eventLoopModules) } else { set.insert(word) }
    }
    return .modules(set)
  }
}
