import Domain
import Testing

@Suite struct KeySecretTests {
  @Test(
    "A secret is sk- and the base64url of its random bytes",
    arguments: [
      ([UInt8](repeating: 0, count: 32), "sk-" + String(repeating: "A", count: 43)),
      (Array(0..<32), "sk-AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"),
      ([UInt8](repeating: 0xFF, count: 32), "sk-" + String(repeating: "_", count: 42) + "8"),
    ]) func text(bytes: [UInt8], expected: String)
  {
    #expect(KeySecret(random: bytes)?.text == expected)
  }

  @Test("Fewer or more than 32 random bytes make no secret", arguments: [0, 31, 33])
  func wrongCount(count: Int) {
    #expect(KeySecret(random: [UInt8](repeating: 1, count: count)) == nil)
  }

  @Test("The hint is the first eight characters") func hint() {
    #expect(KeySecret(random: Array(0..<32))?.hint == "sk-AAECA")
  }

  @Test(
    "A key is accepted until it expires or is revoked",
    arguments: [
      (Int64?.none, Int64?.none, true), (11, nil, true), (10, nil, false), (9, nil, false),
      (nil, 5, false), (nil, 20, false), (11, 10, false),
    ]) func accepted(expires: Int64?, revoked: Int64?, expected: Bool)
  {
    let key = APIKey(
      id: KeyID("k"), org: OrgID("o"), principal: PrincipalID("p"), displayName: "", hint: "",
      createdAt: Timestamp(microseconds: 0),
      expiresAt: expires.map { Timestamp(microseconds: $0) },
      revokedAt: revoked.map { Timestamp(microseconds: $0) }, revision: 1)
    #expect(key.isAccepted(at: Timestamp(microseconds: 10)) == expected)
  }
}
