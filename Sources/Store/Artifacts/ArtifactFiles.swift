public import Domain
internal import Glibc

/// The bytes of artifacts: one file for each content, `<data>/artifacts/<first two digits>/<digest>`.
///
/// A file appears under its name complete, verified and synced, or not at all: uploads are written to
/// `<data>/artifacts/incoming` and renamed. What an interrupted server left there is removed at the
/// next start, and so are bytes that no version came to refer to: ``removeOrphans(unless:)``. Orgs that hold the same content share the file; that they do is told to nobody.
public final class ArtifactFiles: Sendable {
  /// The largest artifact, in bytes.
  public let maximumSize: Int64
  let folder: String
  let threads: ArtifactThreads
  private let claims = ArtifactClaims()
  private let ids = IDGenerator()

  /// Opens the folder below `data`, creating it when missing. Blocking; call it before serving.
  public init(data: String, maximumSize: Int64 = 2 << 30, threads: Int = 2) throws(ArtifactError) {
    folder = data + "/artifacts"
    self.maximumSize = maximumSize
    self.threads = ArtifactThreads(count: threads)
    for path in [data, folder, folder + "/incoming"] {
      guard mkdir(path, 0o700) == 0 || errno == EEXIST else {
        throw .io(operation: "create", path: path, code: errno)
      }
    }
    try removeIncoming()
  }

  /// Finishes what runs and ends the threads. Blocks.
  public func close() { threads.close() }

  /// Begins an upload that must turn out to be `artifact`.
  public func upload(_ artifact: Artifact) async throws(ArtifactError) -> ArtifactUpload {
    guard artifact.size <= maximumSize else {
      throw .tooLarge(size: artifact.size, limit: maximumSize)
    }
    let temporary = folder + "/incoming/" + ids.make()
    let folder = folder
    let threads = threads
    let claim = ArtifactClaim(artifact.digest, claims)
    return try await threads.perform { () throws(ArtifactError) in
      try ArtifactUpload(
        artifact, folder: folder, temporary: temporary, threads: threads, claim: claim)
    }
  }

  /// Opens the bytes for reading.
  public func open(_ artifact: Artifact) async throws(ArtifactError) -> ArtifactReader {
    let path = Self.path(of: artifact.digest, in: folder)
    let threads = threads
    return try await threads.perform { () throws(ArtifactError) in
      try ArtifactReader(artifact, path: path, threads: threads)
    }
  }

  static func path(of digest: ContentDigest, in folder: String) -> String {
    "\(folder)/\(digest.hex.prefix(2))/\(digest.hex)"
  }

  /// Removes files that nothing refers to: a server was killed between an upload and its version. Returns how many. Blocking; call it
  /// before serving.
  public func removeOrphans(
    unless isReferred: (ContentDigest) throws -> Bool
  ) throws -> Int {
    var removed = 0
    for part in try Self.names(in: folder) where part.utf8.count == 2 {
      for name in try Self.names(in: "\(folder)/\(part)") {
        // Whatever has no digest for a name is not ours.
        guard let digest = try? ContentDigest(hex: name, field: "file"),
          try !isReferred(digest)
        else { continue }
        try Self.remove("\(folder)/\(part)/\(name)")
        removed += 1
      }
    }
    return removed
  }

  private func removeIncoming() throws(ArtifactError) {
    let path = folder + "/incoming"
    for name in try Self.names(in: path) { try Self.remove("\(path)/\(name)") }
  }

  private static func names(in path: String) throws(ArtifactError) -> [String] {
    guard let directory = opendir(path) else {
      throw .io(operation: "list", path: path, code: errno)
    }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names
  }

  private static func remove(_ path: String) throws(ArtifactError) {
    guard unlink(path) == 0 else { throw .io(operation: "remove", path: path, code: errno) }
  }
}
