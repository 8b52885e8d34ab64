internal import API
internal import Domain
internal import ProtoWire
public import Store

/// The way back for whoever has the machine but no key: a new key that does not expire, of an enabled admin.
public enum AdminReset {
  /// Why there is no such admin.
  public enum Failure: Error, Hashable, CustomStringConvertible {
    case noOrg(String)
    case noPrincipal(String, org: String)

    public var description: String {
      switch self {
      case .noOrg(let name): "there is no org named \"\(name)\""
      case .noPrincipal(let name, let org):
        "there is no principal named \"\(name)\" in the org \"\(org)\""
      }
    }
  }

  /// Makes the key and writes it to a file of its own in the data folder, which no other file is replaced by; returns the file's path.
  ///
  /// `org` is nil for the one of the first start. The principal is enabled and becomes an admin when it was none. The file is written
  /// before the commit that makes its key valid. Everything is in the log of events, by the actor "console". The store must be one
  /// that no server has open.
  public static func run(
    store: Store, org orgName: String?, principal name: String
  ) async throws -> String {
    let secret = KeySecret.random()
    let path = try file(in: store.path)
    try SecretFile.write(secret.text + "\n", to: path)
    do {
      try await store.write { tx in
        let found = try orgName.map { try Orgs(tx).find(name: $0) } ?? Orgs(tx).root()
        guard let org = found else { throw Failure.noOrg(orgName ?? "default") }
        guard var principal = try Principals(tx).find(name: name, org: org.id) else {
          throw Failure.noPrincipal(name, org: org.name)
        }
        let now = Timestamp(milliseconds: tx.nowMilliseconds)
        if !principal.isEnabledAdmin {
          principal.isDisabled = false
          principal.roles.formUnion(.admin)
          principal.updatedAt = now
          principal.revision = try tx.revision() + 1
          try Principals(tx).update(principal)
          try log(
            .principal, "updated", principal.id.rawValue, API.Principal(principal), of: org.id, tx)
        }
        let key = APIKey(
          id: KeyID(tx.makeID()), org: org.id, principal: principal.id, displayName: "reset",
          hint: secret.hint, createdAt: now, revision: try tx.revision() + 1)
        try APIKeys(tx).insert(key, digest: secret.digest)
        try log(
          .apiKey, "created", key.id.rawValue, ApiKey(key), parent: principal.id.rawValue,
          of: org.id, tx)
      }
    } catch {
      try SecretFile.remove(path)
      throw error
    }
    return path
  }

  /// The first name that is free: "admin.key", "admin-2.key", …
  private static func file(in folder: String) throws(StoreError) -> String {
    var number = 1
    while true {
      let path = folder + (number == 1 ? "/admin.key" : "/admin-\(number).key")
      if try SecretFile.read(path) == nil { return path }
      number += 1
    }
  }

  private static func log(
    _ kind: ResourceKind, _ change: String, _ id: String, _ after: any Message,
    parent: String = "", of org: OrgID, _ tx: WriteTransaction
  ) throws {
    try tx.append(
      NewEvent(
        org: org.rawValue, kind: "\(kind.rawValue).\(change)", resourceType: kind.rawValue,
        resourceID: id, parentID: parent, actor: "console", method: "admin reset-key",
        afterDigest: Mutation.digest(after)))
  }
}
