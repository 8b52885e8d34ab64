public import API
internal import Domain
internal import ProtoWire
public import RPCCore
public import Store

/// Models, their variants and versions, and the artifacts of versions.
public struct CatalogService: CatalogServiceServer {
  let rules: CallRules
  let files: ArtifactFiles

  public init(rules: CallRules, files: ArtifactFiles) {
    self.rules = rules
    self.files = files
  }

  public func createModel(
    _ request: CreateModelRequest, context: ServerContext
  ) async throws -> CreateModelResponse {
    try await rules.mutate(request, context) { mutation in
      let wanted = request.model ?? API.Model()
      let model = Domain.Model(
        id: mutation.makeID(), org: mutation.caller.org,
        name: try TextRule.name.check(wanted.name, field: "model.name"),
        displayName: try TextRule.displayName.check(
          wanted.displayName, field: "model.display_name"),
        description: try TextRule.description.check(
          wanted.description, field: "model.description"),
        labels: try Labels(wanted.labels, field: "model.labels"), createdAt: mutation.now,
        updatedAt: mutation.now, revision: try mutation.nextRevision())
      let repository = Models(mutation.tx)
      guard try repository.find(name: model.name, org: model.org) == nil else {
        throw ServiceError.alreadyExists(.model, name: model.name)
      }
      try repository.insert(model)
      let after = API.Model(model)
      try mutation.record("created", .model, id: after.id, after: after)
      return .with { $0.model = after }
    }
  }

  public func getModel(
    _ request: GetModelRequest, context: ServerContext
  ) async throws -> GetModelResponse {
    try rules.read(context) { db, caller in
      let model = try Models(db).require(request.modelId, org: caller.org)
      return .with { $0.model = API.Model(model) }
    }
  }

  public func listModels(
    _ request: ListModelsRequest, context: ServerContext
  ) async throws -> ListModelsResponse {
    try rules.list(request, context) { db, caller, walk in
      let listing = try Models(db).list(
        walk.page, org: caller.org, name: request.name.isEmpty ? nil : request.name,
        includeArchived: request.includeArchived)
      return .with {
        $0.models = listing.items.map { API.Model($0) }
        $0.nextPageToken = walk.token(after: listing.next)
        $0.totalSize = Int32(clamping: listing.total)
      }
    }
  }

  public func updateModel(
    _ request: UpdateModelRequest, context: ServerContext
  ) async throws -> UpdateModelResponse {
    try await rules.mutate(request, context) { mutation in
      let wanted = request.model ?? API.Model()
      var model = try Models(mutation.tx).require(wanted.id, org: mutation.caller.org)
      try Etag.check(request.etag, .model, wanted.id, revision: model.revision)
      let update = try FieldMaskUpdate(
        request.updateMask,
        fields: [
          "display_name": !wanted.displayName.isEmpty,
          "description": !wanted.description.isEmpty, "labels": !wanted.labels.isEmpty,
        ])
      let before = API.Model(model)
      if update.changes("display_name") {
        model.displayName = try TextRule.displayName.check(
          wanted.displayName, field: "model.display_name")
      }
      if update.changes("description") {
        model.description = try TextRule.description.check(
          wanted.description, field: "model.description")
      }
      if update.changes("labels") {
        model.labels = try Labels(wanted.labels, field: "model.labels")
      }
      let after = try store("updated", &model, before: before, mutation)
      return .with { $0.model = after }
    }
  }

  public func archiveModel(
    _ request: ArchiveModelRequest, context: ServerContext
  ) async throws -> ArchiveModelResponse {
    try await rules.mutate(request, context) { mutation in
      var model = try Models(mutation.tx).require(request.modelId, org: mutation.caller.org)
      try Etag.check(request.etag, .model, request.modelId, revision: model.revision)
      let before = API.Model(model)
      guard (model.archivedAt == nil) != request.restore else {
        return .with { $0.model = before }
      }
      model.archivedAt = request.restore ? nil : mutation.now
      let after = try store(
        request.restore ? "restored" : "archived", &model, before: before, mutation)
      return .with { $0.model = after }
    }
  }

  /// Stores a changed model and records the event.
  private func store(
    _ verb: String, _ model: inout Domain.Model, before: API.Model, _ mutation: Mutation
  ) throws -> API.Model {
    model.updatedAt = mutation.now
    model.revision = try mutation.nextRevision()
    try Models(mutation.tx).update(model)
    let after = API.Model(model)
    try mutation.record(verb, .model, id: after.id, before: before, after: after)
    return after
  }
}

extension Models {
  /// The model, or NOT_FOUND.
  func require(_ id: String, org: OrgID) throws -> Domain.Model {
    guard let model = try find(ModelID(id), org: org) else {
      throw ServiceError.notFound(.model, id: id)
    }
    return model
  }

  /// The model, when new variants, versions and deployments may use it.
  func requireOpen(_ id: ModelID, org: OrgID) throws -> Domain.Model {
    let model = try require(id.rawValue, org: org)
    guard model.archivedAt == nil else {
      throw ServiceError.precondition(
        .resourceArchived, .model, id.rawValue, "the model \"\(model.name)\" is archived")
    }
    return model
  }
}

extension CreateModelRequest: MutationRequest {}
extension UpdateModelRequest: MutationRequest {}
extension ArchiveModelRequest: MutationRequest {}
extension ListModelsRequest: ListRequest {}
