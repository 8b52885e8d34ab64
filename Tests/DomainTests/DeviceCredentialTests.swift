import Domain
import Testing

@Suite struct DeviceCredentialTests {
  private static func secret(_ byte: UInt8, at time: Int64 = 1) -> DeviceCredential.Secret {
    DeviceCredential.Secret(
      digest: [byte], hint: "dk-\(byte)", issuedAt: Timestamp(milliseconds: time))
  }

  private let now = Timestamp(milliseconds: 9)

  private func credential() -> DeviceCredential {
    DeviceCredential(device: DeviceID("d"), org: OrgID("o"))
  }

  @Test func `a device's own new secret replaces the old one when it is first used`() {
    var credential = credential()
    credential.issue(Self.secret(1), byItself: false)
    #expect(credential.claimedAt == nil)
    let isFirst = credential.use(digest: [1], now: now)
    #expect(isFirst)
    #expect(credential.claimedAt == now)
    let isRepeated = credential.use(digest: [1], now: now)
    #expect(!isRepeated)
    credential.issue(Self.secret(2), byItself: true)
    #expect(credential.secret(digest: [1]) != nil)
    #expect(credential.secret(digest: [2])?.isUsed == false)
    let takesOver = credential.use(digest: [2], now: Timestamp(milliseconds: 10))
    #expect(takesOver)
    #expect(credential.secret(digest: [1]) == nil)
    #expect(credential.current?.digest == [2])
    #expect(credential.successor == nil)
    #expect(credential.claimedAt == now)
  }

  @Test func `a secret that an operator asked for ends all others at once`() {
    var credential = credential()
    credential.issue(Self.secret(1), byItself: false)
    credential.issue(Self.secret(2), byItself: true)
    credential.issue(Self.secret(3), byItself: false)
    #expect(credential.secret(digest: [1]) == nil)
    #expect(credential.secret(digest: [2]) == nil)
    #expect(credential.secret(digest: [3]) != nil)
  }

  @Test func `only a secret that was never used is renewed, and only the one meant`() {
    var credential = credential()
    credential.issue(Self.secret(1), byItself: false)
    let time = Timestamp(milliseconds: 1)
    let isUnknown = credential.renew(hint: "dk-7", issuedAt: time, with: Self.secret(2))
    #expect(!isUnknown)
    let isOther = credential.renew(
      hint: "dk-1", issuedAt: Timestamp(milliseconds: 2), with: Self.secret(2))
    #expect(!isOther)
    let isLost = credential.renew(hint: "dk-1", issuedAt: time, with: Self.secret(2))
    #expect(isLost)
    #expect(credential.secret(digest: [1]) == nil)
    let isUse = credential.use(digest: [2], now: now)
    #expect(isUse)
    let isUsedRenewed = credential.renew(hint: "dk-2", issuedAt: time, with: Self.secret(3))
    #expect(!isUsedRenewed)
    credential.issue(Self.secret(4), byItself: true)
    let isRenewed = credential.renew(hint: "dk-4", issuedAt: time, with: Self.secret(5))
    #expect(isRenewed)
    #expect(credential.successor?.digest == [5])
    #expect(credential.current?.digest == [2])
  }

  @Test func `a revoked device has no secret and stays claimed`() {
    var credential = credential()
    // One that never had a secret is revoked like any other: others may speak for it.
    let isRevoked = credential.revoke(now: now)
    #expect(isRevoked && credential.revokedAt == now)
    let isAgain = credential.revoke(now: Timestamp(milliseconds: 10))
    #expect(!isAgain && credential.revokedAt == now)
    credential.issue(Self.secret(1), byItself: false)
    #expect(credential.revokedAt == nil)
    _ = credential.use(digest: [1], now: now)
    credential.issue(Self.secret(2), byItself: true)
    let hadTwo = credential.revoke(now: now)
    #expect(hadTwo)
    #expect(credential.secret(digest: [1]) == nil && credential.secret(digest: [2]) == nil)
    #expect(credential.claimedAt == now && credential.revokedAt == now)
  }

  @Test(
    "An event number lies at most a billion beyond the last one taken",
    arguments: [
      (Int64(5), Int64(1_000_000_005), true), (5, 1_000_000_006, false), (0, .max, false),
      (.max - 1, .max, true),
    ])
  func steps(known: Int64, number: Int64, isTaken: Bool) throws {
    if isTaken {
      #expect(try EventSequence.take([number], after: known).acknowledged == number)
    } else {
      let message = "sequence \(number) at 0 is more than 1000000000 beyond \(known)"
      #expect(throws: DomainError.invalid(field: "events[0].sequence", message: message)) {
        try EventSequence.take([number], after: known)
      }
    }
  }
}
