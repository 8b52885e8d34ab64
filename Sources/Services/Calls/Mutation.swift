internal import Domain
internal import ProtoWire
internal import RPCCore
internal import Store

/// A change under way, inside the writer's transaction.
struct Mutation {
  let tx: WriteTransaction
  let caller: Caller
  let method: AnyMethodDescriptor
  let requestID: String

  /// The time of everything the change writes.
  var now: Timestamp { Timestamp(milliseconds: tx.nowMilliseconds) }

  /// A new id, greater than every one before.
  func makeID<Owner>(_ kind: ID<Owner>.Type = ID<Owner>.self) -> ID<Owner> { ID(tx.makeID()) }

  /// The revision that the next recorded event gets: the etag of what it changes.
  func nextRevision() throws -> Int64 { try tx.revision() + 1 }

  /// Appends an event in the transaction of the change: who did what to which resource, with the ``digest(_:)`` of the resource
  /// before and after (empty: it did not, or no longer does, exist). In the log of the caller's org unless `org` names another.
  @discardableResult
  func record(
    _ verb: String, _ kind: ResourceKind, id: String, parent: String = "",
    before: [UInt8] = [], after: [UInt8] = [], payload: [UInt8] = [], org: OrgID? = nil
  ) throws -> Int64 {
    let type = kind.rawValue
    return try tx.append(
      NewEvent(
        org: (org ?? caller.org).rawValue, kind: type + "." + verb, resourceType: type,
        resourceID: id, parentID: parent, actor: caller.principal.rawValue,
        method: method.service + "/" + method.name, requestID: requestID, beforeDigest: before,
        afterDigest: after, payload: payload))
  }

  /// The SHA-256 of a resource as its callers see it.
  static func digest(_ message: some Message) -> [UInt8] {
    Fingerprint.sha256(message.serialized(deterministic: true))
  }
}
