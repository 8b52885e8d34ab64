public import Domain
internal import Glibc

/// The bytes of an artifact. Any position, any number of callers.
///
/// The file is open only while bytes are read: thousands of downloads that wait for their clients hold no descriptor.
public final class ArtifactReader: Sendable {
  /// What is read.
  public let artifact: Artifact
  private let path: String
  private let threads: ArtifactThreads

  init(
    _ artifact: Artifact, path: String, threads: ArtifactThreads
  ) throws(ArtifactError) {
    self.artifact = artifact
    self.path = path
    self.threads = threads
    let descriptor = try open()
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, Int64(status.st_size) == artifact.size else {
      throw .damaged(
        digest: artifact.digest.hex, size: Int64(status.st_size), expected: artifact.size)
    }
  }

  private func open() throws(ArtifactError) -> Int32 {
    let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      if errno == ENOENT { throw .missing(digest: artifact.digest.hex) }
      throw .system("open", path)
    }
    return descriptor
  }

  /// At most `count` bytes from `offset` on; empty at the end. Fewer come only at the end.
  public func read(at offset: Int64, count: Int) async throws(ArtifactError) -> [UInt8] {
    try await threads.perform { [self] () throws(ArtifactError) in
      let descriptor = try open()
      defer { close(descriptor) }
      var failure: Int32 = 0
      let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
        filled = 0
        while filled < count {
          let result = pread(
            descriptor, buffer.baseAddress?.advanced(by: filled), count - filled,
            off_t(offset) + off_t(filled))
          if result < 0 {
            if errno == EINTR { continue }
            failure = errno
            return
          }
          if result == 0 { return }
          filled += result
        }
      }
      guard failure == 0 else { throw .io(operation: "read", path: path, code: failure) }
      return bytes
    }
  }
}
