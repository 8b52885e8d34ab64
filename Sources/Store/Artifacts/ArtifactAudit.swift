public import Domain

/// What the artifacts of a data folder and its database say of each other. Either may be the older one.
public struct ArtifactAudit: Sendable {
  /// Stored, and no version refers to them; in no order.
  public let strays: [ContentDigest]
  /// Versions refer to them, and they are not stored: downloads of them fail until somebody uploads them again.
  public let missing: [ContentDigest]

  /// Reads the folder and every reference to an artifact: for a start. Blocking.
  public init(data: String, _ transaction: ReadTransaction) throws {
    var strays = Set(try ArtifactFiles.digests(data: data))
    var missing: [ContentDigest] = []
    let versions = ModelVersions(transaction)
    var last: ContentDigest?
    repeat {
      let part = try versions.artifacts(after: last, limit: Self.part)
      for digest in part where strays.remove(digest) == nil { missing.append(digest) }
      last = part.count == Self.part ? part.last : nil
    } while last != nil
    self.strays = Array(strays)
    self.missing = missing
  }

  private static let part = 1_000
}
