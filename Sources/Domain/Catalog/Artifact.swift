/// The bytes of a version, known by their content.
public struct Artifact: Hashable, Sendable {
  public let digest: ContentDigest
  /// Number of bytes.
  public let size: Int64
  public let mediaType: String

  public init(digest: ContentDigest, size: Int64, mediaType: String) {
    self.digest = digest
    self.size = size
    self.mediaType = mediaType
  }
}
