public import API
internal import Domain
internal import ProtoWire
public import RPCCore
internal import Store

extension CatalogService {
  public func createModelVariant(
    _ request: CreateModelVariantRequest, context: ServerContext
  ) async throws -> CreateModelVariantResponse {
    try await rules.mutate(request, context) { mutation in
      let wanted = request.modelVariant ?? API.ModelVariant()
      let name = try TextRule.name.check(wanted.name, field: "model_variant.name")
      let capability = try TextRule.name.check(
        wanted.capability, field: "model_variant.capability")
      let traits = DeviceTraits(
        platform: try wanted.platform.number(field: "model_variant.platform"),
        deviceClass: try TextRule.optionalName.check(
          wanted.deviceClass, field: "model_variant.device_class"))
      let model = try Models(mutation.tx).requireOpen(
        ModelID(wanted.modelId), org: mutation.caller.org)
      let variant = Domain.ModelVariant(
        id: mutation.makeID(), org: mutation.caller.org, model: model.id, name: name,
        capability: capability, traits: traits,
        description: try TextRule.description.check(
          wanted.description, field: "model_variant.description"),
        labels: try Labels(wanted.labels, field: "model_variant.labels"),
        createdAt: mutation.now, updatedAt: mutation.now, revision: try mutation.nextRevision())
      let repository = ModelVariants(mutation.tx)
      guard try repository.find(name: name, model: model.id, org: variant.org) == nil else {
        throw ServiceError.alreadyExists(.modelVariant, name: name)
      }
      try repository.insert(variant)
      let after = API.ModelVariant(variant)
      try mutation.record(
        "created", .modelVariant, id: after.id, parent: after.modelId, after: after)
      return .with { $0.modelVariant = after }
    }
  }

  public func getModelVariant(
    _ request: GetModelVariantRequest, context: ServerContext
  ) async throws -> GetModelVariantResponse {
    try rules.read(context) { db, caller in
      let variant = try ModelVariants(db).require(request.modelVariantId, org: caller.org)
      return .with { $0.modelVariant = API.ModelVariant(variant) }
    }
  }

  public func listModelVariants(
    _ request: ListModelVariantsRequest, context: ServerContext
  ) async throws -> ListModelVariantsResponse {
    try rules.list(request, context) { db, caller, walk in
      var filter = ModelVariants.Filter()
      if !request.modelId.isEmpty { filter.model = ModelID(request.modelId) }
      if !request.capability.isEmpty { filter.capability = request.capability }
      if request.platform != .unspecified {
        filter.platform = try request.platform.number(field: "platform")
      }
      if !request.deviceClass.isEmpty { filter.deviceClass = request.deviceClass }
      if !request.name.isEmpty { filter.name = request.name }
      filter.includeArchived = request.includeArchived
      let listing = try ModelVariants(db).list(walk.page, org: caller.org, filter)
      return .with {
        $0.modelVariants = listing.items.map { API.ModelVariant($0) }
        $0.nextPageToken = walk.token(after: listing.next)
        $0.totalSize = Int32(clamping: listing.total)
      }
    }
  }

  public func updateModelVariant(
    _ request: UpdateModelVariantRequest, context: ServerContext
  ) async throws -> UpdateModelVariantResponse {
    try await rules.mutate(request, context) { mutation in
      let wanted = request.modelVariant ?? API.ModelVariant()
      var variant = try ModelVariants(mutation.tx).require(wanted.id, org: mutation.caller.org)
      try Etag.check(request.etag, .modelVariant, wanted.id, revision: variant.revision)
      let update = try FieldMaskUpdate(
        request.updateMask,
        fields: [
          "description": !wanted.description.isEmpty, "labels": !wanted.labels.isEmpty,
        ])
      let before = API.ModelVariant(variant)
      if update.changes("description") {
        variant.description = try TextRule.description.check(
          wanted.description, field: "model_variant.description")
      }
      if update.changes("labels") {
        variant.labels = try Labels(wanted.labels, field: "model_variant.labels")
      }
      let after = try store("updated", &variant, before: before, mutation)
      return .with { $0.modelVariant = after }
    }
  }

  public func archiveModelVariant(
    _ request: ArchiveModelVariantRequest, context: ServerContext
  ) async throws -> ArchiveModelVariantResponse {
    try await rules.mutate(request, context) { mutation in
      let id = request.modelVariantId
      var variant = try ModelVariants(mutation.tx).require(id, org: mutation.caller.org)
      try Etag.check(request.etag, .modelVariant, id, revision: variant.revision)
      let before = API.ModelVariant(variant)
      guard (variant.archivedAt == nil) != request.restore else {
        return .with { $0.modelVariant = before }
      }
      variant.archivedAt = request.restore ? nil : mutation.now
      let after = try store(
        request.restore ? "restored" : "archived", &variant, before: before, mutation)
      return .with { $0.modelVariant = after }
    }
  }

  /// Stores a changed variant and records the event.
  private func store(
    _ verb: String, _ variant: inout Domain.ModelVariant, before: API.ModelVariant,
    _ mutation: Mutation
  ) throws -> API.ModelVariant {
    variant.updatedAt = mutation.now
    variant.revision = try mutation.nextRevision()
    try ModelVariants(mutation.tx).update(variant)
    let after = API.ModelVariant(variant)
    try mutation.record(
      verb, .modelVariant, id: after.id, parent: after.modelId, before: before, after: after)
    return after
  }
}

extension ModelVariants {
  /// The variant, or NOT_FOUND.
  func require(_ id: String, org: OrgID) throws -> Domain.ModelVariant {
    guard let variant = try find(VariantID(id), org: org) else {
      throw ServiceError.notFound(.modelVariant, id: id)
    }
    return variant
  }

  /// The variant, when new versions and deployments may use it.
  func requireOpen(_ id: VariantID, org: OrgID) throws -> Domain.ModelVariant {
    let variant = try require(id.rawValue, org: org)
    guard variant.archivedAt == nil else {
      throw ServiceError.precondition(
        .resourceArchived, .modelVariant, id.rawValue,
        "the model variant \"\(variant.name)\" is archived")
    }
    return variant
  }
}

extension CreateModelVariantRequest: MutationRequest {}
extension UpdateModelVariantRequest: MutationRequest {}
extension ArchiveModelVariantRequest: MutationRequest {}
extension ListModelVariantsRequest: ListRequest {}
