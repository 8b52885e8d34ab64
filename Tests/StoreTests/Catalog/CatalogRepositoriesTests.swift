import Domain
import Testing

@testable import Store

@Suite struct CatalogRepositoriesTests {
  let time = Timestamp(milliseconds: 1_700_000_000_123)
  let org = OrgID("o1")
  let other = OrgID("o2")
  let digest = ContentDigest(unchecked: String(repeating: "ab", count: 32))

  func model(_ id: String) -> Model {
    Model(
      id: ModelID(id), org: org, name: "name-\(id)", displayName: "A model", description: "d",
      labels: Labels(unchecked: ["team": "risk", "empty": "", "eq": "a=b"]), createdAt: time,
      updatedAt: time, revision: 4)
  }

  func variant(_ id: String, model: String, platform: Int32 = 2) -> ModelVariant {
    ModelVariant(
      id: VariantID(id), org: org, model: ModelID(model), name: "name-\(id)",
      capability: "fraud-score", traits: DeviceTraits(platform: platform, deviceClass: "phone"),
      description: "d", labels: .empty, createdAt: time, updatedAt: time, revision: 5)
  }

  func version(_ id: String, variant: String, model: String) -> ModelVersion {
    ModelVersion(
      id: VersionID(id), org: org, model: ModelID(model), variant: VariantID(variant),
      name: "1.\(id)", description: "d", labels: .empty, createdBy: PrincipalID("p"),
      createdAt: time, updatedAt: time, revision: 6)
  }

  func filled() async throws -> TemporaryStore {
    let temporary = try TemporaryStore()
    try await temporary.store.write { tx in
      for id in [org, other] {
        try Orgs(tx).insert(
          Org(
            id: id, name: id.rawValue, displayName: "", isRoot: false, createdAt: time,
            updatedAt: time, revision: 1))
      }
      try Models(tx).insert(model("m1"))
      try Models(tx).insert(model("m2"))
      try ModelVariants(tx).insert(variant("w1", model: "m1"))
      try ModelVariants(tx).insert(variant("w2", model: "m2", platform: 5))
      try ModelVersions(tx).insert(version("v1", variant: "w1", model: "m1"))
      try ModelVersions(tx).insert(version("v2", variant: "w1", model: "m1"))
      try ModelVersions(tx).insert(version("v3", variant: "w2", model: "m2"))
    }
    return temporary
  }

  @Test func `everything reads back as it was stored, labels included`() async throws {
    let temporary = try await filled()
    try temporary.store.read { db throws in
      #expect(try Models(db).find(ModelID("m1"), org: org) == model("m1"))
      #expect(
        try Models(db).list(Page(limit: 2), org: org, [.name("name-m2")]).items == [model("m2")])
      #expect(
        try ModelVariants(db).find(VariantID("w1"), org: org) == variant("w1", model: "m1"))
      #expect(
        try ModelVariants(db).list(
          Page(limit: 2), org: org, [.name("name-w1"), .model(ModelID("m1"))]
        ).items == [variant("w1", model: "m1")])
      #expect(
        try ModelVersions(db).find(VersionID("v1"), org: org)
          == version("v1", variant: "w1", model: "m1"))
    }
  }

  @Test func `nothing of one org is found from another`() async throws {
    let temporary = try await filled()
    try temporary.store.read { db throws in
      #expect(try Models(db).find(ModelID("m1"), org: other) == nil)
      #expect(try Models(db).list(Page(limit: 10), org: other).total == 0)
      #expect(try ModelVariants(db).find(VariantID("w1"), org: other) == nil)
      #expect(try ModelVariants(db).list(Page(limit: 10), org: other).total == 0)
      #expect(try ModelVersions(db).find(VersionID("v1"), org: other) == nil)
      #expect(try ModelVersions(db).list(Page(limit: 10), org: other).total == 0)
    }
  }

  @Test func `updates store what may change and nothing else`() async throws {
    let temporary = try await filled()
    var changed = version("v1", variant: "w1", model: "m1")
    changed.artifact = Artifact(digest: digest, size: 12, mediaType: "application/json")
    changed.archivedAt = Timestamp(milliseconds: 9)
    changed.labels = Labels(unchecked: ["a": "b"])
    changed.revision = 10
    let update = changed
    try await temporary.store.write { try ModelVersions($0).update(update) }
    try temporary.store.read { db throws in
      #expect(try ModelVersions(db).find(VersionID("v1"), org: org) == update)
      #expect(try ModelVersions(db).hasArtifact(digest, org: org))
      #expect(try !ModelVersions(db).hasArtifact(digest, org: other))
    }
  }

  @Test(
    "Versions are narrowed by state; archived ones are hidden unless asked for",
    arguments: [
      (ModelVersion.State?.none, false, ["v2", "v3"]), (nil, true, ["v1", "v2", "v3"]),
      (.awaitingArtifact, false, ["v3"]), (.ready, false, ["v2"]), (.archived, false, ["v1"]),
    ]) func states(state: ModelVersion.State?, includeArchived: Bool, expected: [String])
    async throws
  {
    let temporary = try await filled()
    var archived = version("v1", variant: "w1", model: "m1")
    archived.archivedAt = time
    var ready = version("v2", variant: "w1", model: "m1")
    ready.artifact = Artifact(digest: digest, size: 1, mediaType: "")
    let updates = [archived, ready]
    try await temporary.store.write { tx in
      for update in updates { try ModelVersions(tx).update(update) }
    }
    var conditions: [Condition<ModelVersion>] = includeArchived ? [] : [.isOpen]
    if let state { conditions = [.state(state)] }
    let listed = try temporary.store.read { [conditions] db in
      try ModelVersions(db).list(Page(limit: 10, order: .oldestFirst), org: org, conditions)
    }
    #expect(listed.items.map(\.id.rawValue) == expected)
    #expect(listed.total == expected.count)
  }

  @Test func `variants are narrowed by everything they are built for`() async throws {
    let temporary = try await filled()
    try temporary.store.read { db throws in
      func ids(_ conditions: Condition<ModelVariant>...) throws -> [String] {
        try ModelVariants(db).list(
          Page(limit: 10, order: .oldestFirst), org: org, conditions
        ).items.map(\.id.rawValue)
      }
      #expect(try ids() == ["w1", "w2"])
      #expect(try ids(.platform(5)) == ["w2"])
      #expect(try ids(.model(ModelID("m1"))) == ["w1"])
      #expect(try ids(.capability("vision")) == [])
      #expect(try ids(.deviceClass("phone")) == ["w1", "w2"])
      #expect(try ids(.name("name-w2")) == ["w2"])
      #expect(try ids(.name("name-w2"), .model(ModelID("m1"))) == [])
    }
  }

  @Test(
    "Two siblings of one name are refused by the schema",
    arguments: ["models_org_name", "model_variants_model_name", "model_versions_variant_name"])
  func names(constraint: String) async throws {
    let temporary = try await filled()
    await #expect(throws: StoreError.constraint(kind: "unique", name: constraint)) {
      try await temporary.store.write { tx in
        switch constraint {
        case "models_org_name":
          try Models(tx).insert(
            Model(
              id: ModelID("m9"), org: org, name: "name-m1", displayName: "", description: "",
              labels: .empty, createdAt: time, updatedAt: time, revision: 1))
        case "model_variants_model_name":
          let twin = variant("w1", model: "m1")
          try ModelVariants(tx).insert(
            ModelVariant(
              id: VariantID("w9"), org: org, model: twin.model, name: twin.name, capability: "c",
              traits: twin.traits, description: "", labels: .empty, createdAt: time,
              updatedAt: time, revision: 1))
        default:
          let twin = version("v1", variant: "w1", model: "m1")
          try ModelVersions(tx).insert(
            ModelVersion(
              id: VersionID("v9"), org: org, model: twin.model, variant: twin.variant,
              name: twin.name, description: "", labels: .empty, createdBy: twin.createdBy,
              createdAt: time, updatedAt: time, revision: 1))
        }
      }
    }
  }
}
