import Domain
import Testing

@Suite struct ContentDigestTests {
  @Test(
    "Only 64 lower-case hexadecimal digits are a digest",
    arguments: [
      (String(repeating: "0", count: 64), true), (String(repeating: "f", count: 64), true),
      (String(repeating: "0", count: 63), false), (String(repeating: "0", count: 65), false),
      (String(repeating: "A", count: 64), false), (String(repeating: "g", count: 64), false),
      ("", false), (String(repeating: "é", count: 32), false),
    ]) func syntax(text: String, isDigest: Bool)
  {
    #expect(((try? ContentDigest(hex: text)) != nil) == isDigest)
  }

  @Test("The bytes of a hash become its digits") func bytes() {
    let digest = ContentDigest(bytes: [0x00, 0x0F, 0xF0, 0xFF] + [UInt8](repeating: 1, count: 28))
    #expect(digest.hex == "000ff0ff" + String(repeating: "01", count: 28))
  }

  @Test(
    "The state of a version follows from its artifact and its archiving",
    arguments: [
      (false, false, ModelVersion.State.awaitingArtifact), (true, false, .ready),
      (false, true, .archived), (true, true, .archived),
    ]) func state(hasArtifact: Bool, isArchived: Bool, expected: ModelVersion.State)
  {
    let time = Timestamp(microseconds: 1)
    let version = ModelVersion(
      id: VersionID("v"), org: OrgID("o"), model: ModelID("m"), variant: VariantID("w"), name: "1",
      description: "", labels: .empty,
      artifact: hasArtifact
        ? Artifact(
          digest: ContentDigest(unchecked: String(repeating: "0", count: 64)), size: 1,
          mediaType: "") : nil,
      archivedAt: isArchived ? time : nil, createdBy: PrincipalID("p"), createdAt: time,
      updatedAt: time, revision: 1)
    #expect(version.state == expected)
  }
}
