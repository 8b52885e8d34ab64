public import Domain
internal import Glibc

/// The bytes of artifacts: one file for each content, `<data>/artifacts/<first two digits>/<digest>`.
///
/// A file appears under its name complete, verified and synced, or not at all: uploads are written to
/// `<data>/artifacts/incoming` and renamed. What an interrupted server left there is removed at the
/// next start; a file under its digest never is, because the database that refers to it may be another
/// than the one at hand. Orgs that hold the same content share the file; that they do is told to nobody.
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
        throw .system("create", path)
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

  /// Whether the bytes are there, as many as they should be.
  public func holds(_ artifact: Artifact) async throws(ArtifactError) -> Bool {
    let path = Self.path(of: artifact.digest, in: folder)
    return try await threads.perform { () throws(ArtifactError) in
      var status = stat()
      guard stat(path, &status) == 0 else {
        if errno == ENOENT { return false }
        throw .system("look at", path)
      }
      return Int64(status.st_size) == artifact.size
    }
  }

  static func path(of digest: ContentDigest, in folder: String) -> String {
    "\(folder)/\(digest.hex.prefix(2))/\(digest.hex)"
  }

  /// The contents that are stored below a data folder, in no order; none when there is no folder of artifacts. Blocking.
  public static func digests(data: String) throws(ArtifactError) -> [ContentDigest] {
    let folder = data + "/artifacts"
    if access(folder, F_OK) != 0, errno == ENOENT { return [] }
    var digests: [ContentDigest] = []
    for part in try names(in: folder) where part.utf8.count == 2 {
      for name in try names(in: "\(folder)/\(part)") {
        // Whatever has no digest for a name is not ours.
        if let digest = try? ContentDigest(hex: name, field: "file") { digests.append(digest) }
      }
    }
    return digests
  }

  private func removeIncoming() throws(ArtifactError) {
    let path = folder + "/incoming"
    // Uploads are called by an id; whatever is not, somebody else put there.
    for name in try Self.names(in: path) where IDGenerator.isID(name) {
      try Self.remove("\(path)/\(name)")
    }
  }

  private static func names(in path: String) throws(ArtifactError) -> [String] {
    guard let directory = opendir(path) else {
      throw .system("list", path)
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
    guard unlink(path) == 0 else { throw .system("remove", path) }
  }
}
