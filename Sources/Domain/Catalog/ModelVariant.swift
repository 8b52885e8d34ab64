/// A model built for one capability, device class and platform.
public struct ModelVariant: Hashable, Sendable {
  public let id: VariantID
  public let org: OrgID
  public let model: ModelID
  /// Unique within the model.
  public let name: String
  /// What it can do, in the syntax of a name.
  public let capability: String
  /// What it is built for.
  public let traits: DeviceTraits
  public var description: String
  public var labels: Labels
  /// Set: hidden from listings, closed to new versions and deployments.
  public var archivedAt: Timestamp?
  public let createdAt: Timestamp
  public var updatedAt: Timestamp
  /// The revision of its last change: the etag.
  public var revision: Int64

  public init(
    id: VariantID, org: OrgID, model: ModelID, name: String, capability: String,
    traits: DeviceTraits, description: String, labels: Labels, archivedAt: Timestamp? = nil,
    createdAt: Timestamp, updatedAt: Timestamp, revision: Int64
  ) {
    self.id = id
    self.org = org
    self.model = model
    self.name = name
    self.capability = capability
    self.traits = traits
    self.description = description
    self.labels = labels
    self.archivedAt = archivedAt
    self.createdAt = createdAt
    self.updatedAt = updatedAt
    self.revision = revision
  }
}
