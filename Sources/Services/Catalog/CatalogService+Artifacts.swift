public import API
internal import Domain
internal import Logging
internal import ProtoWire
public import RPCCore
internal import Store

extension CatalogService {
  public func uploadArtifact(
    _ requests: RequestStream<UploadArtifactRequest>, context: ServerContext
  ) async throws -> UploadArtifactResponse {
    try await rules.perform(context) { caller in
      var parts = requests.makeAsyncIterator()
      guard case .header(let header)? = try await parts.next()?.part else {
        throw ServiceError.invalid(field: "header", message: "must be the first message")
      }
      let artifact = try Domain.Artifact(header.artifact, field: "header.artifact")
      guard artifact.size <= files.maximumSize else {
        throw ArtifactError.tooLarge(size: artifact.size, limit: files.maximumSize)
      }
      // Before the bytes are received, whatever can be refused is; the change checks again. What has the artifact already may be a
      // repeat, whose etag was current once: that is for the change to tell. Bytes that were lost are taken in again.
      let isKnown = try rules.store.read { db in
        let version = try ModelVersionResource().require(header.modelVersionId, caller, db)
        if version.artifact == artifact { return true }
        try Self.check(header, artifact, version)
        return false
      }
      let isStored = isKnown ? try await files.holds(artifact) : false
      let isRestored = isKnown && !isStored
      let upload =
        isStored || header.validateOnly ? nil : try await receive(artifact, &parts)
      do {
        return try await rules.mutate(header, caller, context.method) { mutation in
          try attach(artifact, header, mutation, isRestored: isRestored)
        }
      } catch {
        await discard(upload, context)
        throw error
      }
    }
  }

  /// Removes bytes that no version came to refer to. What cannot be removed now is at the next start.
  private func discard(_ upload: ArtifactUpload?, _ context: ServerContext) async {
    guard let upload else { return }
    do {
      try await upload.discard { [store = rules.store] digest in
        try store.read { try ModelVersions($0).isReferred(to: digest) }
      }
    } catch {
      rules.logger.warning(
        "an artifact without a version was not removed",
        metadata: [
          "artifact": "\(upload.artifact.digest.hex)", "method": "\(context.method)",
          "error": "\(error)",
        ])
    }
  }

  /// Takes the bytes in and keeps them once they are what was announced.
  private func receive(
    _ artifact: Domain.Artifact, _ parts: inout RequestStream<UploadArtifactRequest>.Iterator
  ) async throws -> ArtifactUpload {
    let upload = try await files.upload(artifact)
    while let part = try await parts.next() {
      guard case .data(let bytes)? = part.part else {
        throw ServiceError.invalid(field: "data", message: "must follow the one header")
      }
      try await upload.append(bytes)
    }
    try await upload.commit()
    return upload
  }

  private static func check(
    _ header: UploadArtifactRequest.Header, _ artifact: Domain.Artifact,
    _ version: Domain.ModelVersion
  ) throws(ServiceError) {
    let id = version.id.rawValue
    try Etag.check(header.etag, .modelVersion, id, revision: version.revision)
    if version.artifact == artifact { return }
    guard version.artifact == nil else {
      throw .precondition(
        .artifactImmutable, .modelVersion, id,
        "the model version \"\(version.name)\" has another artifact already")
    }
    guard version.archivedAt == nil else {
      throw .precondition(
        .resourceArchived, .modelVersion, id,
        "the model version \"\(version.name)\" is archived")
    }
  }

  private func attach(
    _ artifact: Domain.Artifact, _ header: UploadArtifactRequest.Header, _ mutation: Mutation,
    isRestored: Bool
  ) throws -> UploadArtifactResponse {
    let repository = ModelVersions(mutation.tx)
    let versions = ModelVersionResource()
    let before = try versions.require(header.modelVersionId, mutation.caller, mutation.tx)
    try Self.check(header, artifact, before)
    guard before.artifact == nil else {
      return .with {
        $0.modelVersion = versions.wire(before, mutation.tx)
        $0.deduplicated = !isRestored
      }
    }
    // Only what this org holds is told: that others have the same bytes is none of its business.
    let isHeld = try repository.hasArtifact(artifact.digest, org: before.org)
    var version = before
    version.artifact = artifact
    let after = try mutation.save(version, versions, "artifact_uploaded", replacing: before)
    return .with {
      $0.modelVersion = after
      $0.deduplicated = isHeld
    }
  }

  public func downloadArtifact(
    _ request: DownloadArtifactRequest, responses: ResponseStream<DownloadArtifactResponse>,
    context: ServerContext
  ) async throws {
    try await rules.perform(context) { caller in
      let version = try rules.store.read { db in
        try ModelVersionResource().require(request.modelVersionId, caller, db)
      }
      let download = try ArtifactDownload(version, offset: request.offset)
      let header = DownloadArtifactResponse.with {
        $0.part = .header(
          .with {
            $0.artifact = API.Artifact(download.artifact)
            $0.offset = download.offset
          })
      }
      try await download.send(from: files, to: responses, context, header: header) { bytes in
        DownloadArtifactResponse.with { $0.part = .data(bytes) }
      }
    }
  }
}
