public import Domain

/// What a backup consists of: a text, a line for each file, that ends with its own digest.
///
/// ```
/// rollcall backup 1
/// program 0.1.0
/// created 1764056400000
/// revision 1234
/// database rollcall.db 421888 <sha256> schema 14
/// database telemetry.db 45056 <sha256> schema 1
/// artifact <sha256> 1048576
/// lost <sha256> 1048576
/// end 8 <sha256 of the lines before, each with its line end>
/// ```
public struct BackupManifest: Sendable, Hashable {
  /// A database's copy.
  public struct Database: Sendable, Hashable {
    /// The file, "rollcall.db".
    public var name: String
    public var bytes: Int64
    public var digest: ContentDigest
    /// The newest migration it has.
    public var schema: Int
  }

  /// Bytes that versions refer to.
  public struct Content: Sendable, Hashable {
    public var digest: ContentDigest
    public var bytes: Int64

    /// Where it is kept, below the backup and below a data folder.
    var file: String { ArtifactFiles.path(of: digest, in: "artifacts") }
  }

  /// The manifest's own file.
  public static let fileName = "manifest"
  private static let format = 1

  /// The version of the program that made the backup.
  public var program: String
  /// Milliseconds since 1970 by the clock of the machine.
  public var createdAtMilliseconds: Int64
  /// The newest event that the backup has.
  public var revision: Int64
  public var databases: [Database]
  public var artifacts: [Content]
  /// Artifacts that versions refer to and that were lost already.
  public var lost: [Content]

  /// Bytes of all files but the manifest.
  public var bytes: Int64 {
    databases.reduce(0) { $0 + $1.bytes } + artifacts.reduce(0) { $0 + $1.bytes }
  }

  var text: String {
    var lines = [
      "rollcall backup \(Self.format)", "program \(program)", "created \(createdAtMilliseconds)",
      "revision \(revision)",
    ]
    lines += databases.map { "database \($0.name) \($0.bytes) \($0.digest) schema \($0.schema)" }
    lines += artifacts.map { "artifact \($0.digest) \($0.bytes)" }
    lines += lost.map { "lost \($0.digest) \($0.bytes)" }
    let body = lines.map { $0 + "\n" }.joined()
    return body + "end \(lines.count) \(Self.digest(body))\n"
  }

  private static func digest(_ text: String) -> ContentDigest {
    ContentDigest(bytes: Fingerprint.sha256(Array(text.utf8)))
  }
}

extension BackupManifest {
  /// Reads a manifest; a cut or changed one is refused with the line that tells.
  init(text: String) throws(BackupError) {
    self.init(
      program: "", createdAtMilliseconds: 0, revision: 0, databases: [], artifacts: [], lost: [])
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    guard text.last == "\n", lines.popLast()?.isEmpty == true, let end = lines.popLast() else {
      throw .badManifest(line: max(1, lines.count), reason: "it ends within a line")
    }
    guard let first = lines.first, first.hasPrefix("rollcall backup ") else {
      throw .badManifest(line: 1, reason: "it does not begin with \"rollcall backup\"")
    }
    guard first == "rollcall backup \(Self.format)" else {
      throw .badManifest(
        line: 1,
        reason: "\"\(first.prefix(40))\" is another format than \(Self.format): use its program")
    }
    guard end.hasPrefix("end ") else {
      throw .badManifest(line: lines.count + 1, reason: "the end is missing")
    }
    let body = lines.map { $0 + "\n" }.joined()
    guard end == "end \(lines.count) \(Self.digest(body))" else {
      throw .badManifest(
        line: lines.count + 1, reason: "the lines before it are not those that were written")
    }
    for (index, line) in lines.enumerated().dropFirst() {
      guard take(line.split(separator: " ", omittingEmptySubsequences: false)) else {
        throw .badManifest(line: index + 1, reason: "\"\(line.prefix(80))\" says nothing")
      }
    }
    guard Set(databases.map(\.name)) == Set(Backup.databases), databases.count == 2 else {
      throw .badManifest(
        line: lines.count,
        reason: "it names the databases \(databases.map(\.name).joined(separator: ", "))")
    }
  }

  /// Takes a line in; false when it is none.
  private mutating func take(_ words: [Substring]) -> Bool {
    switch (words.first, words.count) {
    case ("program", 2): program = String(words[1])
    case ("created", 2):
      guard let time = Int64(words[1]) else { return false }
      createdAtMilliseconds = time
    case ("revision", 2):
      guard let number = Int64(words[1]) else { return false }
      revision = number
    case ("database", 6):
      guard words[4] == "schema", let bytes = Int64(words[2]), let schema = Int(words[5]),
        let digest = try? ContentDigest(hex: String(words[3]))
      else { return false }
      databases.append(
        Database(name: String(words[1]), bytes: bytes, digest: digest, schema: schema))
    case ("artifact", 3), ("lost", 3):
      guard let bytes = Int64(words[2]), let digest = try? ContentDigest(hex: String(words[1]))
      else { return false }
      let content = Content(digest: digest, bytes: bytes)
      if words[0] == "lost" { lost.append(content) } else { artifacts.append(content) }
    default: return false
    }
    return true
  }
}
