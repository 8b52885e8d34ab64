/// Target → dependencies, read from the text of Package.swift.
///
/// Reading the text instead of asking the package manager keeps the test free of a second build-system process; the
/// manifest's three ways of declaring a target (`library`, `.executableTarget`, `tests`) are all it has to know.
struct Manifest {
  let dependencies: [String: Set<String>]

  init(text: String) {
    var found: [String: Set<String>] = [:]
    let characters = Array(text)
    for marker in ["library(", ".executableTarget("] {
      for start in Self.occurrences(of: marker, in: characters) {
        let body = Self.balanced(characters, from: start + marker.count - 1)
        let strings = Self.topStrings(body)
        guard let name = strings.name else { continue }
        found[name] = strings.dependencies
      }
    }
    dependencies = found
  }

  private static func occurrences(of marker: String, in text: [Character]) -> [Int] {
    let marker = Array(marker)
    return text.indices.filter { start in
      text[start...].starts(with: marker)
        && (start == 0 || !(text[start - 1].isLetter || text[start - 1] == "."))
    }
  }

  /// From an opening parenthesis to the one that closes it, both excluded.
  private static func balanced(_ text: [Character], from open: Int) -> [Character] {
    var depth = 0
    for at in open..<text.count {
      if text[at] == "(" { depth += 1 }
      if text[at] == ")" {
        depth -= 1
        if depth == 0 { return Array(text[(open + 1)..<at]) }
      }
    }
    return []
  }

  /// The target's name (its first string) and the strings of its dependency list, a package's product by its own name.
  private static func topStrings(_ body: [Character]) -> (name: String?, dependencies: Set<String>)
  {
    var strings: [String] = []
    var dependencies: Set<String> = []
    var current: String?
    var label = ""
    var depth = 0
    for character in body {
      if var open = current {
        if character == "\"" {
          strings.append(open)
          current = nil
          if depth > 0, label != "package", label != "path" { dependencies.insert(open) }
          label = ""
        } else {
          open.append(character)
          current = open
        }
        continue
      }
      switch character {
      case "\"": current = ""
      case "[": depth += 1
      case "]": depth -= 1
      case ",": label = ""
      case ":": break
      case "(", ")", " ", "\n", ".": if character != " " { label = "" }
      default: label.append(character)
      }
    }
    return (strings.first, dependencies)
  }
}
