/// What happened, as a mutation describes it before it is logged.
public struct NewEvent: Sendable, Hashable {
  /// The org that owns the resource; watches and audits never cross it.
  public var org: String
  /// "deployment.created", "rollout.advanced": `<resource type>.<past participle>`.
  public var kind: String
  /// "deployment", "rollout", "device": what filters name.
  public var resourceType: String
  public var resourceID: String
  /// The resource this one belongs to ("" for none): a rollout's deployment.
  public var parentID: String
  /// Principal id of the caller, or "automator".
  public var actor: String
  /// Full RPC name ("/rollcall.v1.DeploymentService/Start"), or the automator's rule.
  public var method: String
  /// The caller's request id, "" when it gave none.
  public var requestID: String
  /// SHA-256 of the resource before and after; empty for created and deleted ones.
  public var beforeDigest: [UInt8]
  public var afterDigest: [UInt8]
  /// What watchers decode; opaque to the store.
  public var payload: [UInt8]

  public init(
    org: String, kind: String, resourceType: String, resourceID: String, parentID: String = "",
    actor: String, method: String, requestID: String = "", beforeDigest: [UInt8] = [],
    afterDigest: [UInt8] = [], payload: [UInt8] = []
  ) {
    self.org = org
    self.kind = kind
    self.resourceType = resourceType
    self.resourceID = resourceID
    self.parentID = parentID
    self.actor = actor
    self.method = method
    self.requestID = requestID
    self.beforeDigest = beforeDigest
    self.afterDigest = afterDigest
    self.payload = payload
  }
}
