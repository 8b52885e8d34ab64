import Foundation

/// The repository as the tests of its shape see it: Swift files with their lines.
///
/// Found from the place of this file, so the tests run from any working folder.
struct SourceTree {
  /// One Swift file.
  struct File: Sendable, CustomStringConvertible {
    /// Path from the top of the repository, "Sources/Domain/Bucketing.swift".
    let path: String
    let lines: [String]

    var description: String { path }

    /// "Bucketing" of "Sources/Domain/Bucketing.swift".
    var baseName: String { String(path.split(separator: "/").last!.dropLast(".swift".count)) }

    /// "Domain" of "Sources/Domain/Bucketing.swift", "protoc-gen-rollcall" of "codegen/protoc-gen-rollcall/…".
    var module: String { String(path.split(separator: "/")[1]) }

    /// Whether the code generator wrote it.
    var isGenerated: Bool { path.contains("/Generated/") }

    /// The modules the file imports, without access level, attributes and submodules.
    var imports: [String] {
      lines.compactMap { line in
        let words = line.split(separator: " ")
        guard let at = words.firstIndex(of: "import"), at + 1 < words.count,
          words[..<at].allSatisfy({ Self.importPrefixes.contains($0) || $0.hasPrefix("@") })
        else { return nil }
        let kinds: Set<Substring> = [
          "struct", "class", "enum", "protocol", "func", "var", "let", "typealias",
        ]
        let name =
          kinds.contains(words[at + 1]) && at + 2 < words.count ? words[at + 2] : words[at + 1]
        return String(name.split(separator: ".")[0])
      }
    }

    private static let importPrefixes: Set<Substring> = [
      "public", "package", "internal", "private", "fileprivate",
    ]
  }

  static let top: URL = {
    // Tests/ArchitectureTests/SourceTree.swift → the top of the repository.
    URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
  }()

  /// The code of the product: libraries, executable and code generator.
  static let product: [File] = files(under: ["Sources", "codegen"])

  /// The product's code that people write.
  static let written: [File] = product.filter { !$0.isGenerated }

  static func text(_ path: String) throws -> String {
    try String(contentsOf: top.appendingPathComponent(path), encoding: .utf8)
  }

  private static func files(under folders: [String]) -> [File] {
    folders.flatMap { folder -> [File] in
      let base = top.appendingPathComponent(folder)
      guard let walk = FileManager.default.enumerator(atPath: base.path) else { return [] }
      return walk.compactMap { entry -> File? in
        guard let name = entry as? String, name.hasSuffix(".swift"), !name.contains(".build/"),
          let text = try? self.text("\(folder)/\(name)")
        else { return nil }
        return File(path: "\(folder)/\(name)", lines: text.components(separatedBy: "\n"))
      }
    }
    .sorted { $0.path < $1.path }
  }
}
