import API
import ProtoWire
import RPCCore
import Testing

@testable import Services

/// What becomes of variants and versions after their creation.
@Suite struct CatalogChangeTests {
  typealias Methods = CatalogServiceMethods

  struct World {
    let fixture: ServiceFixture
    let catalog: CatalogService
    let variant: API.ModelVariant
    let version: API.ModelVersion

    init() async throws {
      let tests = CatalogServiceTests()
      fixture = try await ServiceFixture()
      catalog = tests.service(fixture)
      let model = try await tests.createModel(fixture, "fraud")
      variant = try await tests.createVariant(fixture, model.id)
      version = try await tests.createVersion(fixture, variant.id)
    }

    func call(_ method: AnyMethodDescriptor) throws -> ServerContext { try fixture.admin(method) }

    func update(
      variant id: String, _ change: (inout API.ModelVariant) -> Void, _ paths: [String] = [],
      etag: String = "", as secret: String? = nil
    ) async throws -> API.ModelVariant {
      var wanted = API.ModelVariant()
      wanted.id = id
      change(&wanted)
      return try #require(
        try await catalog.updateModelVariant(
          .with {
            $0.modelVariant = wanted
            $0.updateMask = .with { $0.paths = paths }
            $0.etag = etag
          },
          context: try fixture.call(secret ?? fixture.secret, Methods.updateModelVariant.erased)
        ).modelVariant)
    }

    func update(
      version id: String, _ change: (inout API.ModelVersion) -> Void, _ paths: [String] = [],
      etag: String = "", as secret: String? = nil
    ) async throws -> API.ModelVersion {
      var wanted = API.ModelVersion()
      wanted.id = id
      change(&wanted)
      return try #require(
        try await catalog.updateModelVersion(
          .with {
            $0.modelVersion = wanted
            $0.updateMask = .with { $0.paths = paths }
            $0.etag = etag
          },
          context: try fixture.call(secret ?? fixture.secret, Methods.updateModelVersion.erased)
        ).modelVersion)
    }

    func archiveVariant(restore: Bool = false, etag: String = "") async throws -> API.ModelVariant {
      try #require(
        try await catalog.archiveModelVariant(
          .with {
            $0.modelVariantId = variant.id
            $0.restore = restore
            $0.etag = etag
          }, context: try call(Methods.archiveModelVariant.erased)
        ).modelVariant)
    }

    func archiveVersion(restore: Bool = false, etag: String = "") async throws -> API.ModelVersion {
      try #require(
        try await catalog.archiveModelVersion(
          .with {
            $0.modelVersionId = version.id
            $0.restore = restore
            $0.etag = etag
          }, context: try call(Methods.archiveModelVersion.erased)
        ).modelVersion)
    }
  }

  @Test func `a variant's description and labels change, its traits do not`() async throws {
    let world = try await World()
    let id = world.variant.id
    let first = try await world.update(
      variant: id,
      {
        $0.description = "for phones"
        $0.labels = ["team": "risk"]
      }, etag: world.variant.etag)
    #expect(first.description == "for phones")
    #expect(first.labels == ["team": "risk"])
    #expect(first.platform == world.variant.platform)
    #expect(first.etag != world.variant.etag)
    let cleared = try await world.update(variant: id, { _ in }, ["labels"])
    #expect(cleared.labels == [:])
    #expect(cleared.description == "for phones")
    let stale = await refusal {
      _ = try await world.update(variant: id, { $0.description = "x" }, etag: first.etag)
    }
    #expect(stale?.reason == "ETAG_MISMATCH")
    for path in ["name", "platform", "capability", "device_class"] {
      let error = await refusal { _ = try await world.update(variant: id, { _ in }, [path]) }
      #expect(error?.field == "update_mask")
    }
    let long = await refusal {
      _ = try await world.update(
        variant: id, { $0.description = String(repeating: "a", count: 4_097) })
    }
    #expect(long?.field == "model_variant.description")
    let other = try await world.fixture.otherOrg()
    let foreign = await refusal {
      _ = try await world.update(variant: id, { $0.description = "mine" }, as: other)
    }
    #expect(foreign?.code == .notFound)
  }

  @Test func `a version's description and labels change, its artifact does not`() async throws {
    let world = try await World()
    let id = world.version.id
    let first = try await world.update(
      version: id,
      {
        $0.description = "better"
        $0.labels = ["trained": "monday"]
      }, etag: world.version.etag)
    #expect(first.description == "better")
    #expect(first.labels == ["trained": "monday"])
    #expect(first.state == .awaitingArtifact)
    let cleared = try await world.update(version: id, { _ in }, ["description"])
    #expect(cleared.description == "")
    #expect(cleared.labels == ["trained": "monday"])
    let stale = await refusal {
      _ = try await world.update(version: id, { $0.description = "x" }, etag: first.etag)
    }
    #expect(stale?.reason == "ETAG_MISMATCH")
    for path in ["name", "artifact", "state", "variant_id"] {
      let error = await refusal { _ = try await world.update(version: id, { _ in }, [path]) }
      #expect(error?.field == "update_mask")
    }
    let other = try await world.fixture.otherOrg()
    let foreign = await refusal {
      _ = try await world.update(version: id, { $0.description = "mine" }, as: other)
    }
    #expect(foreign?.code == .notFound)
  }

  @Test func `an archived variant is hidden and closed until it is restored`() async throws {
    let world = try await World()
    func listed(includeArchived: Bool) async throws -> [String] {
      try await world.catalog.listModelVariants(
        .with { $0.includeArchived = includeArchived },
        context: try world.call(Methods.listModelVariants.erased)
      ).modelVariants.map(\.id)
    }
    let stale = await refusal { _ = try await world.archiveVariant(etag: "1") }
    #expect(stale?.reason == "ETAG_MISMATCH")
    let archived = try await world.archiveVariant(etag: world.variant.etag)
    #expect(archived.archivedAt != nil)
    #expect(try await world.archiveVariant() == archived)
    #expect(try await listed(includeArchived: false) == [])
    #expect(try await listed(includeArchived: true) == [world.variant.id])
    let closed = await refusal {
      _ = try await CatalogServiceTests().createVersion(world.fixture, world.variant.id, "2.0")
    }
    #expect(closed?.reason == "RESOURCE_ARCHIVED")
    #expect(try await world.archiveVariant(restore: true).archivedAt == nil)
    _ = try await CatalogServiceTests().createVersion(world.fixture, world.variant.id, "2.0")
  }

  @Test func `an archived version is hidden, takes no artifact, and comes back as it was`()
    async throws
  {
    let world = try await World()
    func listed(_ change: (inout ListModelVersionsRequest) -> Void) async throws -> [String] {
      var request = ListModelVersionsRequest()
      change(&request)
      return try await world.catalog.listModelVersions(
        request, context: try world.call(Methods.listModelVersions.erased)
      ).modelVersions.map(\.id)
    }
    let archived = try await world.archiveVersion(etag: world.version.etag)
    #expect(archived.state == .archived)
    #expect(try await world.archiveVersion() == archived)
    #expect(try await listed { _ in } == [])
    #expect(try await listed { $0.state = .archived } == [world.version.id])
    #expect(try await listed { $0.includeArchived = true } == [world.version.id])
    let closed = await refusal {
      _ = try await ArtifactTransferTests.upload(
        world.fixture, world.catalog, world.version.id, [1])
    }
    #expect(closed?.reason == "RESOURCE_ARCHIVED")
    let restored = try await world.archiveVersion(restore: true)
    #expect(restored.state == .awaitingArtifact)
    let uploaded = try await ArtifactTransferTests.upload(
      world.fixture, world.catalog, world.version.id, [1])
    #expect(uploaded.modelVersion?.state == .ready)
    let artifact = uploaded.modelVersion?.artifact
    _ = try await world.archiveVersion()
    let again = try await world.archiveVersion(restore: true)
    #expect(again.state == .ready)
    #expect(again.artifact == artifact)
  }
}
