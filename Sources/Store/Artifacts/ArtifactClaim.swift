internal import Domain
internal import Synchronization

/// Which contents are being uploaded, by how many uploads.
final class ArtifactClaims: Sendable {
  private let counts = Mutex<[ContentDigest: Int]>([:])

  fileprivate func add(_ digest: ContentDigest) {
    counts.withLock { $0[digest, default: 0] += 1 }
  }

  fileprivate func remove(_ digest: ContentDigest) {
    counts.withLock { counts in
      let rest = counts[digest, default: 1] - 1
      counts[digest] = rest > 0 ? rest : nil
    }
  }

  /// While `body` runs, no upload of any content can begin.
  fileprivate func ifSole<R: Sendable>(_ digest: ContentDigest, _ body: () -> R) -> R? {
    counts.withLock { $0[digest] == 1 ? body() : nil }
  }
}

/// Held by an upload from its beginning until what it is for has come about: nobody removes the bytes meanwhile.
final class ArtifactClaim: Sendable {
  private let digest: ContentDigest
  private let claims: ArtifactClaims

  init(_ digest: ContentDigest, _ claims: ArtifactClaims) {
    self.digest = digest
    self.claims = claims
    claims.add(digest)
  }

  deinit { claims.remove(digest) }

  /// Runs `body` unless another upload of the same content is under way; nil then. None can begin while it runs.
  func ifSole<R: Sendable>(_ body: () -> R) -> R? { claims.ifSole(digest, body) }
}
