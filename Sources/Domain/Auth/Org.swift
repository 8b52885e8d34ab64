/// The owner of everything else.
public struct Org: Hashable, Sendable {
  public let id: OrgID
  /// Unique among all orgs.
  public let name: String
  public var displayName: String
  /// The one org created at first start; its admins may create others.
  public let isRoot: Bool
  public let createdAt: Timestamp
  public var updatedAt: Timestamp
  /// The revision of its last change: the etag.
  public var revision: Int64

  public init(
    id: OrgID, name: String, displayName: String, isRoot: Bool, createdAt: Timestamp,
    updatedAt: Timestamp, revision: Int64
  ) {
    self.id = id
    self.name = name
    self.displayName = displayName
    self.isRoot = isRoot
    self.createdAt = createdAt
    self.updatedAt = updatedAt
    self.revision = revision
  }
}
