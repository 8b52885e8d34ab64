import Crypto
import Domain
import Glibc
import Testing

@testable import Store

@Suite struct ArtifactFilesTests {
  static func artifact(_ bytes: [UInt8]) -> Artifact {
    Artifact(
      digest: ContentDigest(bytes: SHA256.hash(data: bytes)), size: Int64(bytes.count),
      mediaType: "application/octet-stream")
  }

  static func incoming(_ path: String) -> [String] {
    guard let directory = opendir(path + "/artifacts/incoming") else { return ["no folder"] }
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

  @Test(
    "What was uploaded in parts reads back from every offset",
    arguments: [0, 1, 4_095, 4_096, 200_000])
  func roundTrip(size: Int) async throws {
    let temporary = try TemporaryStore()
    let files = try ArtifactFiles(data: temporary.path)
    let bytes = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    let artifact = Self.artifact(bytes)
    let upload = try await files.upload(artifact)
    for start in stride(from: 0, to: size, by: 70_000) {
      try await upload.append(Array(bytes[start..<min(size, start + 70_000)]))
    }
    try await upload.commit()
    #expect(Self.incoming(temporary.path) == [])
    let reader = try await files.open(artifact)
    for offset in [0, size / 2, max(0, size - 1), size] {
      let read = try await reader.read(at: Int64(offset), count: size + 1)
      #expect(read == Array(bytes[offset...]))
    }
  }

  @Test func `bytes that differ from what was announced are refused and removed`() async throws {
    let temporary = try TemporaryStore()
    let files = try ArtifactFiles(data: temporary.path)
    let announced = Self.artifact([1, 2, 3])
    do {
      let upload = try await files.upload(announced)
      try await upload.append([1, 2, 4])
      await #expect(
        throws: ArtifactError.digestMismatch(
          announced: announced.digest.hex, received: Self.artifact([1, 2, 4]).digest.hex)
      ) { try await upload.commit() }
    }
    do {
      let upload = try await files.upload(announced)
      try await upload.append([1, 2])
      await #expect(throws: ArtifactError.sizeMismatch(announced: 3, received: 2)) {
        try await upload.commit()
      }
    }
    do {
      let upload = try await files.upload(announced)
      await #expect(throws: ArtifactError.sizeMismatch(announced: 3, received: 4)) {
        try await upload.append([1, 2, 3, 4])
      }
    }
    #expect(Self.incoming(temporary.path) == [])
    await #expect(throws: ArtifactError.missing(digest: announced.digest.hex)) {
      _ = try await files.open(announced)
    }
  }

  @Test func `the size limit is checked before anything is written`() async throws {
    let temporary = try TemporaryStore()
    let files = try ArtifactFiles(data: temporary.path, maximumSize: 3)
    let atLimit = try await files.upload(Self.artifact([1, 2, 3]))
    try await atLimit.append([1, 2, 3])
    try await atLimit.commit()
    await #expect(throws: ArtifactError.tooLarge(size: 4, limit: 3)) {
      _ = try await files.upload(Self.artifact([1, 2, 3, 4]))
    }
  }

  @Test func `two uploads of one content share a file`() async throws {
    let temporary = try TemporaryStore()
    let files = try ArtifactFiles(data: temporary.path)
    let artifact = Self.artifact([7])
    let uploads = [try await files.upload(artifact), try await files.upload(artifact)]
    for upload in uploads { try await upload.append([7]) }
    for upload in uploads { try await upload.commit() }
    let shared = try await files.open(artifact).read(at: 0, count: 2)
    #expect(shared == [7])
    #expect(Self.incoming(temporary.path) == [])
  }

  @Test func `of what lies in the folder of uploads, only uploads are removed at the next start`()
    async throws
  {
    let temporary = try TemporaryStore()
    _ = try ArtifactFiles(data: temporary.path)
    for name in ["leftover", IDGenerator().make()] {
      let descriptor = open(
        temporary.path + "/artifacts/incoming/" + name, O_WRONLY | O_CREAT, 0o600)
      #expect(descriptor >= 0)
      close(descriptor)
    }
    #expect(Self.incoming(temporary.path).count == 2)
    _ = try ArtifactFiles(data: temporary.path)
    #expect(Self.incoming(temporary.path) == ["leftover"])
  }

  @Test func `transfers that wait hold no file open`() async throws {
    let temporary = try TemporaryStore()
    let files = try ArtifactFiles(data: temporary.path)
    let artifact = Self.artifact([1, 2, 3])
    let first = try await files.upload(artifact)
    try await first.append([1, 2, 3])
    try await first.commit()
    var uploads: [ArtifactUpload] = []
    var readers: [ArtifactReader] = []
    for _ in 0..<50 {
      uploads.append(try await files.upload(artifact))
      try await uploads.last?.append([1])
      readers.append(try await files.open(artifact))
    }
    #expect(try openFiles(below: temporary.path + "/artifacts") == [])
    for upload in uploads {
      try await upload.append([2, 3])
      try await upload.commit()
    }
    for reader in readers { #expect(try await reader.read(at: 1, count: 9) == [2, 3]) }
  }

  @Test func `an upload that failed half-way takes nothing more`() async throws {
    let temporary = try TemporaryStore()
    let files = try ArtifactFiles(data: temporary.path)
    let upload = try await files.upload(Self.artifact([1, 2, 3]))
    await #expect(throws: ArtifactError.sizeMismatch(announced: 3, received: 4)) {
      try await upload.append([1, 2, 3, 4])
    }
    await #expect(throws: ArtifactError.closed) { try await upload.append([1]) }
    await #expect(throws: ArtifactError.closed) { try await upload.commit() }
    #expect(Self.incoming(temporary.path) == [])
  }

  /// What this process has open below a folder.
  private func openFiles(below folder: String) throws -> [String] {
    let directory = try #require(opendir("/proc/self/fd"))
    defer { closedir(directory) }
    var found: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      var target = [CChar](repeating: 0, count: 4_096)
      let count = readlink("/proc/self/fd/" + name, &target, target.count)
      guard count > 0 else { continue }
      let path = String(decoding: target.prefix(count).map(UInt8.init(bitPattern:)), as: UTF8.self)
      if path.hasPrefix(folder) { found.append(path) }
    }
    return found
  }

  @Test func `bytes that are fewer than they were, or no file at all, are named`() async throws {
    let temporary = try TemporaryStore()
    let files = try ArtifactFiles(data: temporary.path)
    let artifact = Self.artifact([1, 2, 3])
    let upload = try await files.upload(artifact)
    try await upload.append([1, 2, 3])
    try await upload.commit()
    let hex = artifact.digest.hex
    let path = "\(temporary.path)/artifacts/\(hex.prefix(2))/\(hex)"
    #expect(truncate(path, 2) == 0)
    await #expect(throws: ArtifactError.damaged(digest: hex, size: 2, expected: 3)) {
      _ = try await files.open(artifact)
    }
    #expect(unlink(path) == 0)
    await #expect(throws: ArtifactError.missing(digest: hex)) { _ = try await files.open(artifact) }
  }

  @Test func `bytes that nothing came of are taken back, unless something refers to them`()
    async throws
  {
    let temporary = try TemporaryStore()
    let files = try ArtifactFiles(data: temporary.path)
    let artifact = Self.artifact([7])
    func upload() async throws -> ArtifactUpload {
      let upload = try await files.upload(artifact)
      try await upload.append([7])
      try await upload.commit()
      return upload
    }
    let referred = try await upload()
    try await referred.discard { _ in true }
    #expect(try await files.open(artifact).read(at: 0, count: 2) == [7])
    struct Unknown: Error {}
    await #expect(throws: Unknown.self) { try await referred.discard { _ in throw Unknown() } }
    // Somebody else is uploading the same: the bytes are theirs as well.
    do {
      let other = try await files.upload(artifact)
      try await referred.discard { _ in false }
      #expect(try await files.open(artifact).read(at: 0, count: 2) == [7])
      try await other.append([7])
    }
    try await referred.discard { digest in digest != artifact.digest }
    await #expect(throws: ArtifactError.missing(digest: artifact.digest.hex)) {
      _ = try await files.open(artifact)
    }
    // What is gone already is no error.
    try await referred.discard { _ in false }
  }

  @Test func `what is stored is listed, and a start removes none of it`() async throws {
    let temporary = try TemporaryStore()
    #expect(try ArtifactFiles.digests(data: temporary.path) == [])
    let files = try ArtifactFiles(data: temporary.path)
    let artifacts = [Self.artifact([1]), Self.artifact([2])]
    for (artifact, byte) in zip(artifacts, [UInt8(1), 2]) {
      let upload = try await files.upload(artifact)
      try await upload.append([byte])
      try await upload.commit()
    }
    _ = try ArtifactFiles(data: temporary.path)
    #expect(
      try Set(ArtifactFiles.digests(data: temporary.path)) == Set(artifacts.map(\.digest)))
  }

  @Test func `after closing nothing is read or written`() async throws {
    let temporary = try TemporaryStore()
    let files = try ArtifactFiles(data: temporary.path)
    files.close()
    await #expect(throws: ArtifactError.closed) {
      _ = try await files.upload(Self.artifact([1]))
    }
  }
}
