import API
import Domain
import ProtoWire
import RPCCore
import Testing

@testable import Services

@Suite struct CatalogServiceTests {
  typealias Methods = CatalogServiceMethods

  func service(_ fixture: ServiceFixture) -> CatalogService {
    CatalogService(rules: fixture.rules, files: fixture.files)
  }

  func createModel(_ fixture: ServiceFixture, _ name: String, as secret: String? = nil)
    async throws -> API.Model
  {
    let response = try await service(fixture).createModel(
      .with {
        $0.model = .with {
          $0.name = name
          $0.displayName = "A model"
          $0.labels = ["team": "risk"]
        }
      }, context: try fixture.call(secret ?? fixture.secret, Methods.createModel.erased))
    return try #require(response.model)
  }

  func createVariant(_ fixture: ServiceFixture, _ model: String, _ name: String = "phone")
    async throws -> API.ModelVariant
  {
    let response = try await service(fixture).createModelVariant(
      .with {
        $0.modelVariant = .with {
          $0.modelId = model
          $0.name = name
          $0.capability = "fraud-score"
          $0.platform = .android
          $0.deviceClass = "phone-high"
        }
      }, context: try fixture.admin(Methods.createModelVariant.erased))
    return try #require(response.modelVariant)
  }

  func createVersion(_ fixture: ServiceFixture, _ variant: String, _ name: String = "1.0")
    async throws -> API.ModelVersion
  {
    let response = try await service(fixture).createModelVersion(
      .with {
        $0.modelVersion = .with {
          $0.variantId = variant
          $0.name = name
        }
      }, context: try fixture.admin(Methods.createModelVersion.erased))
    return try #require(response.modelVersion)
  }

  @Test func `a model, a variant and a version read back as they were created`() async throws {
    let fixture = try await ServiceFixture()
    let catalog = service(fixture)
    let model = try await createModel(fixture, "fraud")
    let variant = try await createVariant(fixture, model.id)
    let version = try await createVersion(fixture, variant.id)
    #expect(model.labels == ["team": "risk"])
    #expect(variant.platform == .android)
    #expect(version.state == .awaitingArtifact)
    #expect(version.modelId == model.id)
    let readModel = try await catalog.getModel(
      .with { $0.modelId = model.id }, context: try fixture.admin(Methods.getModel.erased))
    #expect(readModel.model == model)
    let readVariant = try await catalog.getModelVariant(
      .with { $0.modelVariantId = variant.id },
      context: try fixture.admin(Methods.getModelVariant.erased))
    #expect(readVariant.modelVariant == variant)
    let readVersion = try await catalog.getModelVersion(
      .with { $0.modelVersionId = version.id },
      context: try fixture.admin(Methods.getModelVersion.erased))
    #expect(readVersion.modelVersion == version)
  }

  @Test func `nothing of the catalog is seen from another org`() async throws {
    let fixture = try await ServiceFixture()
    let other = try await fixture.otherOrg()
    let catalog = service(fixture)
    let model = try await createModel(fixture, "fraud")
    let variant = try await createVariant(fixture, model.id)
    let version = try await createVersion(fixture, variant.id)
    let attempts: [() async throws -> Void] = [
      {
        _ = try await catalog.getModel(
          .with { $0.modelId = model.id }, context: try fixture.call(other, Methods.getModel.erased)
        )
      },
      {
        _ = try await catalog.updateModel(
          .with { $0.model = .with { $0.id = model.id } },
          context: try fixture.call(other, Methods.updateModel.erased))
      },
      {
        _ = try await catalog.createModelVariant(
          .with {
            $0.modelVariant = .with {
              $0.modelId = model.id
              $0.name = "mine"
              $0.capability = "c"
            }
          }, context: try fixture.call(other, Methods.createModelVariant.erased))
      },
      {
        _ = try await catalog.getModelVariant(
          .with { $0.modelVariantId = variant.id },
          context: try fixture.call(other, Methods.getModelVariant.erased))
      },
      {
        _ = try await catalog.createModelVersion(
          .with {
            $0.modelVersion = .with {
              $0.variantId = variant.id
              $0.name = "9"
            }
          }, context: try fixture.call(other, Methods.createModelVersion.erased))
      },
      {
        _ = try await catalog.deleteModelVersion(
          .with { $0.modelVersionId = version.id },
          context: try fixture.call(other, Methods.deleteModelVersion.erased))
      },
      {
        try await catalog.downloadArtifact(
          .with { $0.modelVersionId = version.id }, responses: ResponseStream { _ in },
          context: try fixture.call(other, Methods.downloadArtifact.erased))
      },
    ]
    for attempt in attempts {
      let error = await refusal { try await attempt() }
      #expect(error?.code == .notFound)
      #expect(error?.reason == "RESOURCE_NOT_FOUND")
    }
    let models = try await catalog.listModels(
      ListModelsRequest(), context: try fixture.call(other, Methods.listModels.erased))
    #expect(models.totalSize == 0)
    // The same name is free there.
    #expect(try await createModel(fixture, "fraud", as: other).name == "fraud")
  }

  @Test(
    "A wrong field is named with its bound",
    arguments: [
      ("model.name", "", "model.name: is required"),
      ("model.name", String(repeating: "a", count: 64), "model.name: 64 bytes exceed 63"),
      ("model.display_name", String(repeating: "a", count: 201), "201 bytes exceed 200"),
      ("model.description", String(repeating: "a", count: 4_097), "4097 bytes exceed 4096"),
    ]) func bounds(field: String, value: String, message: String) async throws
  {
    let fixture = try await ServiceFixture()
    let error = await refusal {
      _ = try await service(fixture).createModel(
        .with {
          $0.model = .with {
            $0.name = field == "model.name" ? value : "fraud"
            if field == "model.display_name" { $0.displayName = value }
            if field == "model.description" { $0.description = value }
          }
        }, context: try fixture.admin(Methods.createModel.erased))
    }
    #expect(error?.code == .invalidArgument)
    #expect(error?.field == field)
    #expect(error?.message.hasSuffix(message) == true)
  }

  @Test func `a name is taken once among siblings`() async throws {
    let fixture = try await ServiceFixture()
    let first = try await createModel(fixture, "fraud")
    let second = try await createModel(fixture, "spam")
    #expect(await refusal { _ = try await createModel(fixture, "fraud") }?.code == .alreadyExists)
    let variant = try await createVariant(fixture, first.id)
    _ = try await createVariant(fixture, second.id)
    #expect(
      await refusal { _ = try await createVariant(fixture, first.id) }?.code == .alreadyExists)
    _ = try await createVersion(fixture, variant.id)
    #expect(
      await refusal { _ = try await createVersion(fixture, variant.id) }?.code == .alreadyExists)
  }

  @Test func `what is archived is hidden, readable by id, and closed to what is new`()
    async throws
  {
    let fixture = try await ServiceFixture()
    let catalog = service(fixture)
    let model = try await createModel(fixture, "fraud")
    let variant = try await createVariant(fixture, model.id)
    func archive(restore: Bool) async throws -> API.Model? {
      try await catalog.archiveModel(
        .with {
          $0.modelId = model.id
          $0.restore = restore
        }, context: try fixture.admin(Methods.archiveModel.erased)
      ).model
    }
    func listed(includeArchived: Bool) async throws -> [String] {
      try await catalog.listModels(
        .with { $0.includeArchived = includeArchived },
        context: try fixture.admin(Methods.listModels.erased)
      ).models.map(\.id)
    }
    let archived = try await archive(restore: false)
    #expect(archived?.archivedAt != nil)
    #expect(try await archive(restore: false) == archived)
    #expect(try await listed(includeArchived: false) == [])
    #expect(try await listed(includeArchived: true) == [model.id])
    for attempt in 0..<2 {
      let error = await refusal {
        if attempt == 0 {
          _ = try await createVariant(fixture, model.id, "tablet")
        } else {
          _ = try await createVersion(fixture, variant.id)
        }
      }
      #expect(error?.code == .failedPrecondition)
      #expect(error?.reason == "RESOURCE_ARCHIVED")
    }
    #expect(try await archive(restore: true)?.archivedAt == nil)
    _ = try await createVersion(fixture, variant.id)
  }

  @Test func `an update changes what its mask names and refuses a stale etag`() async throws {
    let fixture = try await ServiceFixture()
    let catalog = service(fixture)
    let model = try await createModel(fixture, "fraud")
    func update(_ paths: [String], etag: String) async throws -> API.Model? {
      try await catalog.updateModel(
        .with {
          $0.model = .with {
            $0.id = model.id
            $0.description = "new"
          }
          $0.updateMask = .with { $0.paths = paths }
          $0.etag = etag
        }, context: try fixture.admin(Methods.updateModel.erased)
      ).model
    }
    let first = try #require(try await update([], etag: model.etag))
    #expect(first.description == "new")
    #expect(first.displayName == "A model")
    #expect(first.labels == model.labels)
    let cleared = try #require(try await update(["labels"], etag: first.etag))
    #expect(cleared.labels == [:])
    let stale = await refusal { _ = try await update([], etag: model.etag) }
    #expect(stale?.code == .aborted)
    let immutable = await refusal { _ = try await update(["name"], etag: "") }
    #expect(immutable?.field == "update_mask")
  }

  @Test func `a version without an artifact can be deleted`() async throws {
    let fixture = try await ServiceFixture()
    let catalog = service(fixture)
    let model = try await createModel(fixture, "fraud")
    let variant = try await createVariant(fixture, model.id)
    let version = try await createVersion(fixture, variant.id)
    func delete() async throws {
      _ = try await catalog.deleteModelVersion(
        .with { $0.modelVersionId = version.id },
        context: try fixture.admin(Methods.deleteModelVersion.erased))
    }
    try await delete()
    #expect(await refusal { try await delete() }?.code == .notFound)
  }

  @Test func `an unknown platform or state is named`() async throws {
    let fixture = try await ServiceFixture()
    let catalog = service(fixture)
    let platform = await refusal {
      _ = try await catalog.listModelVariants(
        .with { $0.platform = Platform(rawValue: 99) },
        context: try fixture.admin(Methods.listModelVariants.erased))
    }
    #expect(platform?.message == "platform: there is no platform 99")
    let state = await refusal {
      _ = try await catalog.listModelVersions(
        .with { $0.state = .init(rawValue: 99) },
        context: try fixture.admin(Methods.listModelVersions.erased))
    }
    #expect(state?.message == "state: there is no state 99")
  }
}
