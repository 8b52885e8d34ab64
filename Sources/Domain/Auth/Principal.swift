/// Somebody who calls.
public struct Principal: Hashable, Sendable {
  /// Who stands behind a principal. The numbers are those of the API.
  public enum Kind: Int32, CaseIterable, Hashable, Sendable {
    case user = 1
    case serviceAccount = 2
  }

  public let id: PrincipalID
  public let org: OrgID
  public let kind: Kind
  /// Unique within the org.
  public let name: String
  public var displayName: String
  public var roles: Roles
  public var isDisabled: Bool
  public let createdAt: Timestamp
  public var updatedAt: Timestamp
  /// The revision of its last change: the etag.
  public var revision: Int64

  public init(
    id: PrincipalID, org: OrgID, kind: Kind, name: String, displayName: String, roles: Roles,
    isDisabled: Bool = false, createdAt: Timestamp, updatedAt: Timestamp, revision: Int64
  ) {
    self.id = id
    self.org = org
    self.kind = kind
    self.name = name
    self.displayName = displayName
    self.roles = roles
    self.isDisabled = isDisabled
    self.createdAt = createdAt
    self.updatedAt = updatedAt
    self.revision = revision
  }

  /// Whether it can manage the org.
  public var isEnabledAdmin: Bool { roles.contains(.admin) && !isDisabled }
}
