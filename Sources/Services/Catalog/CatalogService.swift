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

  // MARK: Models

  public func createModel(
    _ request: CreateModelRequest, context: ServerContext
  ) async throws -> CreateModelResponse {
    try await rules.create(ModelResource(), request, context)
  }

  public func getModel(
    _ request: GetModelRequest, context: ServerContext
  ) async throws -> GetModelResponse {
    try await rules.get(ModelResource(), request.modelId, context)
  }

  public func listModels(
    _ request: ListModelsRequest, context: ServerContext
  ) async throws -> ListModelsResponse {
    try await rules.list(ModelResource(), request, context) { _, _ in
      var conditions: [Condition<Domain.Model>] = []
      if !request.name.isEmpty { conditions.append(.name(request.name)) }
      if !request.includeArchived { conditions.append(.isOpen) }
      return conditions
    }
  }

  public func updateModel(
    _ request: UpdateModelRequest, context: ServerContext
  ) async throws -> UpdateModelResponse {
    try await rules.update(ModelResource(), request, context)
  }

  public func archiveModel(
    _ request: ArchiveModelRequest, context: ServerContext
  ) async throws -> ArchiveModelResponse {
    try await rules.archive(ModelResource(), request, request.modelId, context)
  }

  // MARK: Variants

  public func createModelVariant(
    _ request: CreateModelVariantRequest, context: ServerContext
  ) async throws -> CreateModelVariantResponse {
    try await rules.create(ModelVariantResource(), request, context)
  }

  public func getModelVariant(
    _ request: GetModelVariantRequest, context: ServerContext
  ) async throws -> GetModelVariantResponse {
    try await rules.get(ModelVariantResource(), request.modelVariantId, context)
  }

  public func listModelVariants(
    _ request: ListModelVariantsRequest, context: ServerContext
  ) async throws -> ListModelVariantsResponse {
    try await rules.list(ModelVariantResource(), request, context) { _, _ in
      var conditions: [Condition<Domain.ModelVariant>] = []
      if !request.modelId.isEmpty { conditions.append(.model(ModelID(request.modelId))) }
      if !request.capability.isEmpty { conditions.append(.capability(request.capability)) }
      if request.platform != .unspecified {
        conditions.append(.platform(try request.platform.number(field: "platform")))
      }
      if !request.deviceClass.isEmpty { conditions.append(.deviceClass(request.deviceClass)) }
      if !request.name.isEmpty { conditions.append(.name(request.name)) }
      if !request.includeArchived { conditions.append(.isOpen) }
      return conditions
    }
  }

  public func updateModelVariant(
    _ request: UpdateModelVariantRequest, context: ServerContext
  ) async throws -> UpdateModelVariantResponse {
    try await rules.update(ModelVariantResource(), request, context)
  }

  public func archiveModelVariant(
    _ request: ArchiveModelVariantRequest, context: ServerContext
  ) async throws -> ArchiveModelVariantResponse {
    try await rules.archive(ModelVariantResource(), request, request.modelVariantId, context)
  }

  // MARK: Versions

  public func createModelVersion(
    _ request: CreateModelVersionRequest, context: ServerContext
  ) async throws -> CreateModelVersionResponse {
    try await rules.create(ModelVersionResource(), request, context)
  }

  public func getModelVersion(
    _ request: GetModelVersionRequest, context: ServerContext
  ) async throws -> GetModelVersionResponse {
    try await rules.get(ModelVersionResource(), request.modelVersionId, context)
  }

  public func listModelVersions(
    _ request: ListModelVersionsRequest, context: ServerContext
  ) async throws -> ListModelVersionsResponse {
    try await rules.list(ModelVersionResource(), request, context) { _, _ in
      var conditions: [Condition<Domain.ModelVersion>] = []
      if !request.variantId.isEmpty { conditions.append(.variant(VariantID(request.variantId))) }
      if !request.modelId.isEmpty { conditions.append(.model(ModelID(request.modelId))) }
      if !request.name.isEmpty { conditions.append(.name(request.name)) }
      if request.state != .unspecified {
        guard let state = Domain.ModelVersion.State(rawValue: request.state.rawValue) else {
          throw ServiceError.invalid(
            field: "state", message: "there is no state \(request.state.rawValue)")
        }
        conditions.append(.state(state))
      } else if !request.includeArchived {
        conditions.append(.isOpen)
      }
      return conditions
    }
  }

  public func updateModelVersion(
    _ request: UpdateModelVersionRequest, context: ServerContext
  ) async throws -> UpdateModelVersionResponse {
    try await rules.update(ModelVersionResource(), request, context)
  }

  public func archiveModelVersion(
    _ request: ArchiveModelVersionRequest, context: ServerContext
  ) async throws -> ArchiveModelVersionResponse {
    try await rules.archive(ModelVersionResource(), request, request.modelVersionId, context)
  }

  public func deleteModelVersion(
    _ request: DeleteModelVersionRequest, context: ServerContext
  ) async throws -> DeleteModelVersionResponse {
    let versions = ModelVersionResource()
    return try await rules.delete(versions, request, request.modelVersionId, context) {
      version, _ in
      guard version.artifact == nil else {
        throw ServiceError.precondition(
          .resourceInUse, versions.kind, version.id.rawValue,
          "the model version \"\(version.name)\" has an artifact: archive it instead")
      }
    }
  }
}
