import API
import Crypto
import Foundation
import RPCCore

/// Moves artifacts between files and the server, chunk by chunk, verified by SHA-256.
struct ArtifactTransfer: Sendable {
  let session: Session
  /// Bytes a message.
  static let chunk = 256 * 1024

  /// Creates the version unless it waits for its artifact already, and uploads the file.
  func push(_ name: String, file: String, description: String, mediaType: String) async throws
    -> UploadArtifactResponse
  {
    let parts = name.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    guard parts.count == 3, parts.allSatisfy({ !$0.isEmpty }) else {
      throw Complaint("\"\(name)\" is not MODEL/VARIANT/VERSION", status: .invalid)
    }
    let (sha256, size) = try Self.digest(file)
    let version = try await self.version(parts, description: description)
    let handle = try Self.open(file)
    defer { try? handle.close() }
    return try await upload(
      to: version, sha256: sha256, size: size, mediaType: mediaType,
      next: { try handle.read(upToCount: Self.chunk).map { Array($0) } ?? [] })
  }

  /// Uploads bytes at hand to a version that waits for them.
  func upload(_ bytes: [UInt8], to version: ModelVersion, mediaType: String) async throws
    -> ModelVersion
  {
    var rest = bytes[...]
    return try await upload(
      to: version, sha256: Self.hex(SHA256.hash(data: bytes)), size: Int64(bytes.count),
      mediaType: mediaType,
      next: {
        defer { rest = rest.dropFirst(Self.chunk) }
        return Array(rest.prefix(Self.chunk))
      }
    ).modelVersion.unwrapped()
  }

  /// Sends the header, then chunks until `next` gives an empty one.
  private func upload(
    to version: ModelVersion, sha256: String, size: Int64, mediaType: String,
    next: () throws -> [UInt8]
  ) async throws -> UploadArtifactResponse {
    var artifact = Artifact()
    artifact.sha256 = sha256
    artifact.sizeBytes = size
    artifact.mediaType = mediaType
    var header = UploadArtifactRequest.Header()
    header.modelVersionId = version.id
    header.artifact = artifact
    header.requestId = Session.requestID()
    var first = UploadArtifactRequest()
    first.part = .header(header)
    let call = session.catalog.uploadArtifact(options: session.streaming)
    do {
      try await call.send(first)
      while case let chunk = try next(), !chunk.isEmpty {
        var part = UploadArtifactRequest()
        part.part = .data(chunk)
        try await call.send(part)
      }
      return try await call.finish()
    } catch {
      call.cancel()
      throw error
    }
  }

  /// Downloads into the file, from its end on when it is there already; a digest that does not fit removes the file.
  func pull(_ name: String, file: String) async throws -> Artifact {
    let version = try await Lookup(session: session).version(name)
    guard let artifact = version.artifact else {
      throw Complaint(
        "version \(name) has no artifact yet", next: "rollcall models push \(name) FILE",
        status: .refused)
    }
    if !FileManager.default.fileExists(atPath: file) {
      guard FileManager.default.createFile(atPath: file, contents: nil) else {
        throw Complaint(
          "\(file) cannot be created: \(String(cString: strerror(errno)))", status: .failed)
      }
    }
    guard let handle = FileHandle(forUpdatingAtPath: file) else {
      throw Complaint(
        "\(file) cannot be written: \(String(cString: strerror(errno)))", status: .failed)
    }
    defer { try? handle.close() }
    var request = DownloadArtifactRequest()
    request.modelVersionId = version.id
    request.offset = Int64(try handle.seekToEnd())
    if request.offset > artifact.sizeBytes {
      throw Complaint(
        "\(file) has \(request.offset) bytes, the artifact \(artifact.sizeBytes)",
        next: "name another file, or remove this one", status: .refused)
    }
    for try await message in session.catalog.downloadArtifact(request, options: session.streaming) {
      if case .data(let bytes) = message.part { try handle.write(contentsOf: bytes) }
    }
    let (sha256, size) = try Self.digest(file)
    guard sha256 == artifact.sha256 else {
      try? FileManager.default.removeItem(atPath: file)
      throw Complaint(
        "\(file) is not the artifact and was removed",
        why: [
          "sha256 \(sha256) of \(size) bytes, expected \(artifact.sha256) of \(artifact.sizeBytes)"
        ],
        next: "pull again", status: .failed)
    }
    return artifact
  }

  private func version(_ parts: [String], description: String) async throws -> ModelVersion {
    let lookup = Lookup(session: session)
    do {
      let found = try await lookup.version(parts.joined(separator: "/"))
      if found.state == .awaitingArtifact { return found }
      throw Complaint(
        "version \(parts.joined(separator: "/")) is there already and never changes",
        next: "push under a new version name", status: .refused)
    } catch let complaint as Complaint where complaint.status == .notFound {
      var version = ModelVersion()
      version.variantId = try await lookup.variant("\(parts[0])/\(parts[1])").id
      version.name = parts[2]
      version.description = description
      var request = CreateModelVersionRequest()
      request.modelVersion = version
      request.requestId = Session.requestID()
      return try await session.catalog.createModelVersion(request, options: session.options)
        .modelVersion.unwrapped()
    }
  }

  static func digest(_ file: String) throws -> (sha256: String, size: Int64) {
    let handle = try open(file)
    defer { try? handle.close() }
    var hash = SHA256()
    var size: Int64 = 0
    while let data = try handle.read(upToCount: 1 << 20), !data.isEmpty {
      hash.update(data: data)
      size += Int64(data.count)
    }
    return (hex(hash.finalize()), size)
  }

  private static func hex(_ digest: SHA256.Digest) -> String {
    digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  private static func open(_ file: String) throws -> FileHandle {
    guard let handle = FileHandle(forReadingAtPath: file) else {
      throw Complaint(
        "\(file) cannot be read: \(String(cString: strerror(errno)))", status: .failed)
    }
    return handle
  }
}
