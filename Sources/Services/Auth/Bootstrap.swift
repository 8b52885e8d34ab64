internal import Domain
public import Logging
internal import RPCCore
public import Store

/// The first start: somebody must be able to make the first call.
public enum Bootstrap {
  /// Where the first admin's key is written, below the data folder.
  public static let keyFile = "admin.key"

  /// Creates the org `default`, its principal `admin` and a key, unless there is a root org already.
  ///
  /// The key is written to `<data>/admin.key` (mode 0600) before the commit: a crash between the two
  /// leaves a file that the next start replaces, never a server that nobody can log in to. Returns
  /// the file's path, nil when there was nothing to do.
  @discardableResult
  public static func run(store: Store, logger: Logger) async throws -> String? {
    guard try store.read({ try Orgs($0).root() }) == nil else { return nil }
    let path = store.path + "/" + keyFile
    let secret = KeySecret.random()
    try SecretFile.write(secret.text + "\n", to: path)
    try await store.write { tx in
      let now = Timestamp(milliseconds: tx.nowMilliseconds)
      let revision = try tx.revision() + 1
      let org = Org(
        id: OrgID(tx.makeID()), name: "default", displayName: "Default", isRoot: true,
        createdAt: now, updatedAt: now, revision: revision)
      let admin = Principal(
        id: PrincipalID(tx.makeID()), org: org.id, kind: .user, name: "admin",
        displayName: "Administrator", roles: .admin, createdAt: now, updatedAt: now,
        revision: revision)
      let key = APIKey(
        id: KeyID(tx.makeID()), org: org.id, principal: admin.id, displayName: "first start",
        hint: secret.hint, createdAt: now, revision: revision)
      try Orgs(tx).insert(org)
      try Principals(tx).insert(admin)
      try APIKeys(tx).insert(key, digest: secret.digest)
      try tx.append(
        NewEvent(
          org: org.id.rawValue, kind: "org.created", resourceType: ResourceKind.org.rawValue,
          resourceID: org.id.rawValue, actor: "bootstrap", method: "first start"))
    }
    logger.notice(
      "first start: an admin key was written", metadata: ["file": "\(path)", "org": "default"])
    return path
  }
}
