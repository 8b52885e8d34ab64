/// A machine-learning model as people speak of it, whatever it is built for.
public struct Model: Hashable, Sendable {
  public let id: ModelID
  public let org: OrgID
  /// Unique within the org.
  public let name: String
  public var displayName: String
  public var description: String
  public var labels: Labels
  /// Set: hidden from listings, closed to new variants, versions and deployments.
  public var archivedAt: Timestamp?
  public let createdAt: Timestamp
  public var updatedAt: Timestamp
  /// The revision of its last change: the etag.
  public var revision: Int64

  public init(
    id: ModelID, org: OrgID, name: String, displayName: String, description: String,
    labels: Labels, archivedAt: Timestamp? = nil, createdAt: Timestamp, updatedAt: Timestamp,
    revision: Int64
  ) {
    self.id = id
    self.org = org
    self.name = name
    self.displayName = displayName
    self.description = description
    self.labels = labels
    self.archivedAt = archivedAt
    self.createdAt = createdAt
    self.updatedAt = updatedAt
    self.revision = revision
  }
}
