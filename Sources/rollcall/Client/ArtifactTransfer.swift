import API
import Crypto
import RPCCore

import enum Domain.Hex

/// Moves artifacts between files and the server, chunk by chunk, verified by SHA-256.
struct ArtifactTransfer: Sendable {
  let session: Session
  /// Bytes a message.
  static let chunk = 256 * 1024

  /// Creates the version unless it waits for its artifact already, and uploads the file. To one that has these bytes they are sent
  /// again, in case that the server has lost them.
  func push(_ name: String, file: String, description: String, mediaType: String) async throws
    -> UploadArtifactResponse
  {
    let parts = name.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    guard parts.count == 3, parts.allSatisfy({ !$0.isEmpty }) else {
      throw Complaint("\"\(name)\" is not MODEL/VARIANT/VERSION", status: .invalid)
    }
    let (sha256, size) = try Self.digest(file)
    guard size > 0 else {
      throw Complaint("\(file) is empty, and an artifact is not", status: .invalid)
    }
    let version = try await self.version(parts, of: sha256, description: description)
    let source = try LocalFile.reading(file)
    return try await upload(
      to: version, sha256: sha256, size: size,
      mediaType: version.artifact?.mediaType ?? mediaType,
      next: { try source.read(upTo: Self.chunk) })
  }

  /// Uploads bytes at hand to a version that waits for them.
  func upload(_ bytes: [UInt8], to version: ModelVersion, mediaType: String) async throws
    -> ModelVersion
  {
    var rest = bytes[...]
    return try await upload(
      to: version, sha256: Hex.encode(SHA256.hash(data: bytes)), size: Int64(bytes.count),
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
      sending: while case let chunk = try next(), !chunk.isEmpty {
        var part = UploadArtifactRequest()
        part.part = .data(chunk)
        do {
          try await call.send(part)
        } catch {
          // The server answers before it has everything when it needs no more of it: the answer says what became of it.
          break sending
        }
      }
      return try await call.finish()
    } catch {
      call.cancel()
      throw error
    }
  }

  /// Downloads into a file of its own beside `file`, and puts it in its place once it is whole and verified.
  ///
  /// A broken download leaves its own file and is gone on with; what stands at `file` is untouched until then. When that is neither
  /// the artifact nor its beginning it is replaced only with `force`.
  func pull(_ name: String, file: String, force: Bool) async throws -> Artifact {
    let version = try await Lookup(session: session).version(name)
    guard let artifact = version.artifact else {
      throw Complaint(
        "version \(name) has no artifact yet", next: "rollcall models push \(name) FILE",
        status: .refused)
    }
    try LocalFile.check(name: file)
    let target = LocalFile.target(of: file)
    let old = LocalFile.exists(target) ? try LocalFile.reading(target) : nil
    if let old, try old.size() == artifact.sizeBytes,
      try Self.digest(file).sha256 == artifact.sha256
    {
      return artifact
    }
    var known = force ? nil : old
    if let size = try known?.size(), size > 0, size >= artifact.sizeBytes {
      throw Self.somethingElse(file)
    }
    let folder = target.lastIndex(of: "/").map { String(target[...$0]) } ?? ""
    guard folder.isEmpty || LocalFile.exists(folder) else {
      throw Complaint("there is no folder \(folder)", next: "make it first", status: .invalid)
    }
    let part = "\(folder).rollcall-\(artifact.sha256.prefix(32)).part"
    let download = try LocalFile.appending(part, mode: try old?.permissions() ?? 0o666)
    if try download.size() > artifact.sizeBytes {
      try LocalFile.remove(part)
      throw Complaint(
        "\(part) was no part of the artifact and was removed", next: "pull again", status: .failed)
    }
    /// Compares what has arrived with the beginning of what stands there.
    func compare(_ bytes: [UInt8]) throws {
      guard let file = known else { return }
      var rest = bytes[...]
      while !rest.isEmpty {
        let there = try file.read(upTo: rest.count)
        if there.isEmpty {
          known = nil
          return
        }
        guard rest.starts(with: there) else {
          try LocalFile.remove(part)
          throw Self.somethingElse(file.path)
        }
        rest = rest.dropFirst(there.count)
      }
    }
    var hash = SHA256()
    var size: Int64 = 0
    while case let bytes = try download.read(upTo: 1 << 20), !bytes.isEmpty {
      try compare(bytes)
      hash.update(data: bytes)
      size += Int64(bytes.count)
    }
    var request = DownloadArtifactRequest()
    request.modelVersionId = version.id
    request.offset = size
    for try await message in session.catalog.downloadArtifact(request, options: session.streaming) {
      guard case .data(let bytes) = message.part else { continue }
      try compare(bytes)
      try download.write(bytes)
      hash.update(data: bytes)
      size += Int64(bytes.count)
    }
    let sha256 = Hex.encode(hash.finalize())
    guard sha256 == artifact.sha256 else {
      try LocalFile.remove(part)
      throw Complaint(
        "what arrived is not the artifact; \(file) is as it was",
        why: [
          "sha256 \(sha256) of \(size) bytes, expected \(artifact.sha256) of \(artifact.sizeBytes)"
        ],
        next: "pull again", status: .failed)
    }
    try download.replace(target, permissions: try old?.permissions())
    return artifact
  }

  private static func somethingElse(_ file: String) -> Complaint {
    Complaint(
      "\(file) is there already and is neither this artifact nor its beginning",
      next: "name another file, or replace this one with --force", status: .refused)
  }

  /// The version of these names: one that may take the artifact, or a new one.
  private func version(
    _ parts: [String], of sha256: String, description: String
  ) async throws -> ModelVersion {
    let lookup = Lookup(session: session)
    do {
      let found = try await lookup.version(parts.joined(separator: "/"))
      if found.state == .awaitingArtifact || found.artifact?.sha256 == sha256 { return found }
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
    let source = try LocalFile.reading(file)
    var hash = SHA256()
    var size: Int64 = 0
    while case let bytes = try source.read(upTo: 1 << 20), !bytes.isEmpty {
      hash.update(data: bytes)
      size += Int64(bytes.count)
    }
    return (Hex.encode(hash.finalize()), size)
  }
}
