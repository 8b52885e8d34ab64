internal import API
internal import Domain
public import Logging
internal import ProtoWire
public import Store

/// The first start: somebody must be able to make the first call.
public enum Bootstrap {
  /// Where the first admin's key is written, below the data folder.
  public static let keyFile = "admin.key"

  /// Creates the org `default`, its principal `admin` and a key, unless there is a root org already.
  ///
  /// The key is written to `<data>/admin.key` (mode 0600) before the commit: a crash between the two
  /// leaves a file whose key the next start makes valid, never a server that nobody can log in to. A
  /// file that is there is never replaced. Returns the file's path, nil when there was nothing to do.
  ///
  /// Fails with `.databaseMissing` when artifacts tell that this database is not the folder's own.
  @discardableResult
  public static func run(store: Store, logger: Logger) async throws -> String? {
    guard try store.read({ try Orgs($0).root() }) == nil else { return nil }
    let path = store.path + "/" + keyFile
    let artifacts = try ArtifactFiles.digests(data: store.path).count
    guard artifacts == 0 else {
      throw StoreError.databaseMissing(
        path: store.path, isEmpty: true, leftovers: ["\(artifacts) artifacts"])
    }
    let secret: KeySecret
    if let written = try SecretFile.read(path) {
      guard let known = KeySecret(text: written) else {
        throw StoreError.folderUnusable(path: path, reason: "there is no key in it")
      }
      secret = known
    } else {
      secret = KeySecret.random()
      try SecretFile.write(secret.text + "\n", to: path)
    }
    try await store.write { tx in
      let now = Timestamp(milliseconds: tx.nowMilliseconds)
      let org = Domain.Org(
        id: OrgID(tx.makeID()), name: "default", displayName: "Default", isRoot: true,
        createdAt: now, updatedAt: now, revision: try tx.revision() + 1)
      try Orgs(tx).insert(org)
      try log(.org, org.id.rawValue, API.Org(org), of: org.id, tx)
      let admin = Domain.Principal(
        id: PrincipalID(tx.makeID()), org: org.id, kind: .user, name: "admin",
        displayName: "Administrator", roles: .admin, createdAt: now, updatedAt: now,
        revision: try tx.revision() + 1)
      try Principals(tx).insert(admin)
      try log(.principal, admin.id.rawValue, API.Principal(admin), of: org.id, tx)
      let key = APIKey(
        id: KeyID(tx.makeID()), org: org.id, principal: admin.id, displayName: "first start",
        hint: secret.hint, createdAt: now, revision: try tx.revision() + 1)
      try APIKeys(tx).insert(key, digest: secret.digest)
      try log(
        .apiKey, key.id.rawValue, ApiKey(key), parent: admin.id.rawValue, of: org.id, tx)
    }
    logger.notice(
      "first start: an admin key was written", metadata: ["file": "\(path)", "org": "default"])
    return path
  }

  private static func log(
    _ kind: ResourceKind, _ id: String, _ after: any Message, parent: String = "", of org: OrgID,
    _ tx: WriteTransaction
  ) throws {
    try tx.append(
      NewEvent(
        org: org.rawValue, kind: "\(kind.rawValue).created", resourceType: kind.rawValue,
        resourceID: id, parentID: parent, actor: "bootstrap", method: "first start",
        afterDigest: Mutation.digest(after)))
  }
}
