internal import Crypto
public import Domain
internal import Glibc
internal import Synchronization

/// An upload under way. Give it all bytes in order, then `commit`; without that nothing is kept.
///
/// One caller at a time; the work is done on the threads of ``ArtifactFiles``. The file is open only while bytes are written:
/// uploads that wait for their clients hold no descriptor.
public final class ArtifactUpload: Sendable {
  /// What the bytes must turn out to be.
  public let artifact: Artifact

  private struct State {
    /// Whether it may go on: it was neither committed nor given up.
    var isOpen = true
    var hash = SHA256()
    var count: Int64 = 0
  }

  private let state: Mutex<State>
  private let folder: String
  private let temporary: String
  private let threads: ArtifactThreads
  private let claim: ArtifactClaim

  init(
    _ artifact: Artifact, folder: String, temporary: String, threads: ArtifactThreads,
    claim: ArtifactClaim
  ) throws(ArtifactError) {
    self.artifact = artifact
    self.folder = folder
    self.temporary = temporary
    self.threads = threads
    self.claim = claim
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw ArtifactError.system("create", temporary) }
    close(descriptor)
    state = Mutex(State())
  }

  /// Removes what was not committed.
  deinit { abandon() }

  /// Writes the next bytes. More than were announced fail with `.sizeMismatch`. After an error nothing is kept.
  public func append(_ bytes: [UInt8]) async throws(ArtifactError) {
    try await threads.perform { [self] () throws(ArtifactError) in
      do throws(ArtifactError) {
        try write(bytes)
      } catch {
        abandon()
        throw error
      }
    }
  }

  private func write(_ bytes: [UInt8]) throws(ArtifactError) {
    try state.withLock { state throws(ArtifactError) in
      guard state.isOpen else { throw .closed }
      let received = state.count + Int64(bytes.count)
      guard received <= artifact.size else {
        throw .sizeMismatch(announced: artifact.size, received: received)
      }
      let descriptor = try opened()
      defer { close(descriptor) }
      try Self.write(bytes, to: descriptor, temporary)
      state.hash.update(data: bytes)
      state.count = received
    }
  }

  /// The temporary file, to write at its end.
  private func opened() throws(ArtifactError) -> Int32 {
    let descriptor = open(temporary, O_WRONLY | O_APPEND | O_CLOEXEC)
    guard descriptor >= 0 else { throw .system("open", temporary) }
    return descriptor
  }

  /// Verifies size and SHA-256 and gives the file its name. Durable when it returns.
  public func commit() async throws(ArtifactError) {
    try await threads.perform { [self] () throws(ArtifactError) in
      defer { abandon() }
      try state.withLock { state throws(ArtifactError) in
        guard state.isOpen else { throw .closed }
        guard state.count == artifact.size else {
          throw .sizeMismatch(announced: artifact.size, received: state.count)
        }
        let digest = ContentDigest(bytes: state.hash.finalize())
        guard digest == artifact.digest else {
          throw .digestMismatch(announced: artifact.digest.hex, received: digest.hex)
        }
        let descriptor = try opened()
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw ArtifactError.system("sync", temporary) }
      }
      let path = ArtifactFiles.path(of: artifact.digest, in: folder)
      let parent = "\(folder)/\(artifact.digest.hex.prefix(2))"
      guard mkdir(parent, 0o700) == 0 || errno == EEXIST else {
        throw ArtifactError.system("create", parent)
      }
      // The same content may be there already, or come from another upload at this moment: the name
      // stands for these bytes, so replacing it changes nothing for whoever reads.
      guard rename(temporary, path) == 0 else { throw ArtifactError.system("rename", temporary) }
      try Self.syncFolder(parent)
      try Self.syncFolder(folder)
    }
  }

  /// Takes a committed upload back, because nothing came of it. The bytes stay when something refers to them, or when another upload
  /// of the same is under way. `isReferred` is called on an artifact thread.
  public func discard(
    unless isReferred: @escaping @Sendable (ContentDigest) throws -> Bool
  ) async throws {
    let path = ArtifactFiles.path(of: artifact.digest, in: folder)
    let outcome = try await threads.perform { [self] () throws(ArtifactError) in
      claim.ifSole { () -> Result<Void, any Error> in
        Result {
          guard try !isReferred(artifact.digest) else { return }
          guard unlink(path) == 0 || errno == ENOENT else {
            throw ArtifactError.io(operation: "remove", path: path, code: errno)
          }
        }
      }
    }
    try outcome?.get()
  }

  /// Ends the upload, and removes the temporary file if it is still there.
  private func abandon() {
    let wasOpen = state.withLock { state in
      defer { state.isOpen = false }
      return state.isOpen
    }
    // After a rename there is nothing left to remove, which is no error.
    if wasOpen { unlink(temporary) }
  }

  private static func write(
    _ bytes: [UInt8], to descriptor: Int32, _ path: String
  ) throws(ArtifactError) {
    var offset = 0
    while offset < bytes.count {
      let written = bytes.withUnsafeBytes { buffer in
        Glibc.write(descriptor, buffer.baseAddress?.advanced(by: offset), buffer.count - offset)
      }
      if written < 0 {
        if errno == EINTR { continue }
        throw .system("write", path)
      }
      offset += written
    }
  }

  private static func syncFolder(_ path: String) throws(ArtifactError) {
    let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .system("open", path) }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw .system("sync", path) }
  }
}
