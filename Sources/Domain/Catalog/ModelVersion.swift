/// One immutable build of a variant.
public struct ModelVersion: Hashable, Sendable {
  /// Where a version stands. The numbers are those of the API.
  public enum State: Int32, CaseIterable, Hashable, Sendable {
    case awaitingArtifact = 1
    case ready = 2
    case archived = 3
  }

  public let id: VersionID
  public let org: OrgID
  public let model: ModelID
  public let variant: VariantID
  /// Unique within the variant.
  public let name: String
  public var description: String
  public var labels: Labels
  /// Nil until it was uploaded; never replaced.
  public var artifact: Artifact?
  /// Set: hidden from listings and closed to new deployments.
  public var archivedAt: Timestamp?
  public let createdBy: PrincipalID
  public let createdAt: Timestamp
  public var updatedAt: Timestamp
  /// The revision of its last change: the etag.
  public var revision: Int64

  public init(
    id: VersionID, org: OrgID, model: ModelID, variant: VariantID, name: String,
    description: String, labels: Labels, artifact: Artifact? = nil,
    archivedAt: Timestamp? = nil, createdBy: PrincipalID, createdAt: Timestamp,
    updatedAt: Timestamp, revision: Int64
  ) {
    self.id = id
    self.org = org
    self.model = model
    self.variant = variant
    self.name = name
    self.description = description
    self.labels = labels
    self.artifact = artifact
    self.archivedAt = archivedAt
    self.createdBy = createdBy
    self.createdAt = createdAt
    self.updatedAt = updatedAt
    self.revision = revision
  }

  /// Derived: archived, whatever else; else ready iff the artifact is there.
  public var state: State {
    if archivedAt != nil { return .archived }
    return artifact == nil ? .awaitingArtifact : .ready
  }
}
