internal import API
internal import Domain
internal import ProtoWire
internal import Store

/// Models.
struct ModelResource: EditableResource {
  let kind = ResourceKind.model

  static let changes: [Change<API.Model, Domain.Model>] = [
    .text("display_name", .displayName, \.displayName) { $0.displayName = $1 },
    .text("description", .description, \.description) { $0.description = $1 },
    .labels(\.labels) { $0.labels = $1 },
  ]

  func make(_ wanted: API.Model, _ mutation: Mutation) throws -> Domain.Model {
    Domain.Model(
      id: mutation.makeID(), org: mutation.caller.org,
      name: try TextRule.name.check(wanted.name, field: "model.name"), displayName: "",
      description: "", labels: .empty, createdAt: mutation.now, updatedAt: mutation.now,
      revision: 0)
  }

  func wire(_ model: Domain.Model, _ db: ReadTransaction) -> API.Model {
    .with {
      $0.id = model.id.rawValue
      $0.name = model.name
      $0.displayName = model.displayName
      $0.description = model.description
      $0.labels = model.labels.values
      $0.archivedAt = model.archivedAt.map { Google_Protobuf_Timestamp($0) }
      $0.createdAt = Google_Protobuf_Timestamp(model.createdAt)
      $0.updatedAt = Google_Protobuf_Timestamp(model.updatedAt)
      $0.etag = Etag.text(model.revision)
    }
  }
}

extension API.Model: ResourceMessage {}
