public import API
internal import Domain
internal import ProtoWire
public import RPCCore
internal import Store

extension CatalogService {
  public func createModelVersion(
    _ request: CreateModelVersionRequest, context: ServerContext
  ) async throws -> CreateModelVersionResponse {
    try await rules.mutate(request, context) { mutation in
      let wanted = request.modelVersion ?? API.ModelVersion()
      let org = mutation.caller.org
      let name = try TextRule.versionName.check(wanted.name, field: "model_version.name")
      let variant = try ModelVariants(mutation.tx).requireOpen(
        VariantID(wanted.variantId), org: org)
      let model = try Models(mutation.tx).requireOpen(variant.model, org: org)
      let version = Domain.ModelVersion(
        id: mutation.makeID(), org: org, model: model.id, variant: variant.id, name: name,
        description: try TextRule.description.check(
          wanted.description, field: "model_version.description"),
        labels: try Labels(wanted.labels, field: "model_version.labels"),
        createdBy: mutation.caller.principal, createdAt: mutation.now, updatedAt: mutation.now,
        revision: try mutation.nextRevision())
      let repository = ModelVersions(mutation.tx)
      guard try repository.find(name: name, variant: variant.id, org: org) == nil else {
        throw ServiceError.alreadyExists(.modelVersion, name: name)
      }
      try repository.insert(version)
      let after = API.ModelVersion(version)
      try mutation.record(
        "created", .modelVersion, id: after.id, parent: after.variantId, after: after)
      return .with { $0.modelVersion = after }
    }
  }

  public func getModelVersion(
    _ request: GetModelVersionRequest, context: ServerContext
  ) async throws -> GetModelVersionResponse {
    try rules.read(context) { db, caller in
      let version = try ModelVersions(db).require(request.modelVersionId, org: caller.org)
      return .with { $0.modelVersion = API.ModelVersion(version) }
    }
  }

  public func listModelVersions(
    _ request: ListModelVersionsRequest, context: ServerContext
  ) async throws -> ListModelVersionsResponse {
    try rules.list(request, context) { db, caller, walk in
      var filter = ModelVersions.Filter()
      if !request.variantId.isEmpty { filter.variant = VariantID(request.variantId) }
      if !request.modelId.isEmpty { filter.model = ModelID(request.modelId) }
      if !request.name.isEmpty { filter.name = request.name }
      if request.state != .unspecified {
        guard let state = Domain.ModelVersion.State(rawValue: request.state.rawValue) else {
          throw ServiceError.invalid(
            field: "state", message: "there is no state \(request.state.rawValue)")
        }
        filter.state = state
      }
      filter.includeArchived = request.includeArchived
      let listing = try ModelVersions(db).list(walk.page, org: caller.org, filter)
      return .with {
        $0.modelVersions = listing.items.map { API.ModelVersion($0) }
        $0.nextPageToken = walk.token(after: listing.next)
        $0.totalSize = Int32(clamping: listing.total)
      }
    }
  }

  public func updateModelVersion(
    _ request: UpdateModelVersionRequest, context: ServerContext
  ) async throws -> UpdateModelVersionResponse {
    try await rules.mutate(request, context) { mutation in
      let wanted = request.modelVersion ?? API.ModelVersion()
      var version = try ModelVersions(mutation.tx).require(wanted.id, org: mutation.caller.org)
      try Etag.check(request.etag, .modelVersion, wanted.id, revision: version.revision)
      let update = try FieldMaskUpdate(
        request.updateMask,
        fields: [
          "description": !wanted.description.isEmpty, "labels": !wanted.labels.isEmpty,
        ])
      let before = API.ModelVersion(version)
      if update.changes("description") {
        version.description = try TextRule.description.check(
          wanted.description, field: "model_version.description")
      }
      if update.changes("labels") {
        version.labels = try Labels(wanted.labels, field: "model_version.labels")
      }
      let after = try store("updated", &version, before: before, mutation)
      return .with { $0.modelVersion = after }
    }
  }

  public func archiveModelVersion(
    _ request: ArchiveModelVersionRequest, context: ServerContext
  ) async throws -> ArchiveModelVersionResponse {
    try await rules.mutate(request, context) { mutation in
      let id = request.modelVersionId
      var version = try ModelVersions(mutation.tx).require(id, org: mutation.caller.org)
      try Etag.check(request.etag, .modelVersion, id, revision: version.revision)
      let before = API.ModelVersion(version)
      guard (version.archivedAt == nil) != request.restore else {
        return .with { $0.modelVersion = before }
      }
      version.archivedAt = request.restore ? nil : mutation.now
      let after = try store(
        request.restore ? "restored" : "archived", &version, before: before, mutation)
      return .with { $0.modelVersion = after }
    }
  }

  public func deleteModelVersion(
    _ request: DeleteModelVersionRequest, context: ServerContext
  ) async throws -> DeleteModelVersionResponse {
    try await rules.mutate(request, context) { mutation in
      let id = request.modelVersionId
      let version = try ModelVersions(mutation.tx).require(id, org: mutation.caller.org)
      try Etag.check(request.etag, .modelVersion, id, revision: version.revision)
      guard version.artifact == nil else {
        throw ServiceError.precondition(
          .resourceInUse, .modelVersion, id,
          "the model version \"\(version.name)\" has an artifact: archive it instead")
      }
      try ModelVersions(mutation.tx).delete(version.id, org: version.org)
      try mutation.record(
        "deleted", .modelVersion, id: id, parent: version.variant.rawValue,
        before: API.ModelVersion(version))
      return DeleteModelVersionResponse()
    }
  }

  /// Stores a changed version and records the event.
  func store(
    _ verb: String, _ version: inout Domain.ModelVersion, before: API.ModelVersion,
    _ mutation: Mutation
  ) throws -> API.ModelVersion {
    version.updatedAt = mutation.now
    version.revision = try mutation.nextRevision()
    try ModelVersions(mutation.tx).update(version)
    let after = API.ModelVersion(version)
    try mutation.record(
      verb, .modelVersion, id: after.id, parent: after.variantId, before: before, after: after)
    return after
  }
}

extension ModelVersions {
  /// The version, or NOT_FOUND.
  func require(_ id: String, org: OrgID) throws -> Domain.ModelVersion {
    guard let version = try find(VersionID(id), org: org) else {
      throw ServiceError.notFound(.modelVersion, id: id)
    }
    return version
  }

  /// The version, when it can be deployed: its artifact is there and it is not archived.
  func requireReady(_ id: VersionID, org: OrgID) throws -> Domain.ModelVersion {
    let version = try require(id.rawValue, org: org)
    switch version.state {
    case .ready: return version
    case .archived:
      throw ServiceError.precondition(
        .resourceArchived, .modelVersion, id.rawValue,
        "the model version \"\(version.name)\" is archived")
    case .awaitingArtifact:
      throw ServiceError.precondition(
        .artifactMissing, .modelVersion, id.rawValue,
        "the model version \"\(version.name)\" has no artifact yet")
    }
  }
}

extension CreateModelVersionRequest: MutationRequest {}
extension UpdateModelVersionRequest: MutationRequest {}
extension ArchiveModelVersionRequest: MutationRequest {}
extension DeleteModelVersionRequest: MutationRequest {}
extension ListModelVersionsRequest: ListRequest {}
