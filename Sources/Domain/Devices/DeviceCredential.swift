/// How a device proves that it is itself: the secret it calls with, and the one that is to replace it.
///
/// A secret is shown once and known by its SHA-256. One that the device asked for replaces the old one when the device first calls with
/// it, so that an answer that got lost locks nobody out; one that an operator asked for does so at once.
public struct DeviceCredential: Hashable, Sendable {
  /// One secret that was handed out.
  public struct Secret: Hashable, Sendable {
    /// The SHA-256 of the secret.
    public let digest: [UInt8]
    /// Its first characters, to recognise it by.
    public let hint: String
    public let issuedAt: Timestamp
    /// Whether the device has called with it.
    public var isUsed: Bool

    public init(digest: [UInt8], hint: String, issuedAt: Timestamp, isUsed: Bool = false) {
      self.digest = digest
      self.hint = hint
      self.issuedAt = issuedAt
      self.isUsed = isUsed
    }
  }

  public let device: DeviceID
  public let org: OrgID
  /// The secret in use; nil: revoked, or none was handed out yet.
  public private(set) var current: Secret?
  /// Handed out to the device itself and not used yet; nil: none.
  public private(set) var successor: Secret?
  /// When the device first called with a secret of its own. From then on no shared key speaks for it, revoked or not.
  public private(set) var claimedAt: Timestamp?
  /// When its keys were ended; nil: they were not. From then on nobody speaks for the device until an operator gives it another.
  public private(set) var revokedAt: Timestamp?

  public init(
    device: DeviceID, org: OrgID, current: Secret? = nil, successor: Secret? = nil,
    claimedAt: Timestamp? = nil, revokedAt: Timestamp? = nil
  ) {
    self.device = device
    self.org = org
    self.current = current
    self.successor = successor
    self.claimedAt = claimedAt
    self.revokedAt = revokedAt
  }

  /// The secret of this SHA-256, where it is one of the accepted.
  public func secret(digest: [UInt8]) -> Secret? {
    [current, successor].lazy.compactMap { $0 }.first { $0.digest == digest }
  }

  /// Takes a new secret in. `byItself`: the device asked for it, with the secret it has. Whether they may ask, is for the caller to
  /// check: a new secret ends a revocation. Answers whether it takes the place of one that was handed out and never used.
  ///
  /// | before | by the device itself | by anybody else |
  /// |---|---|---|
  /// | nothing | (cannot call) | current new |
  /// | current a | current a, successor new | current new |
  /// | current a, successor b | current a, successor new | current new |
  @discardableResult
  public mutating func issue(_ secret: Secret, byItself: Bool) -> Bool {
    let replaced = byItself ? successor : current
    if byItself, current != nil {
      successor = secret
    } else {
      current = secret
      successor = nil
    }
    revokedAt = nil
    return replaced.map { !$0.isUsed } ?? false
  }

  /// Replaces a secret that was handed out and never used, because its answer may be lost; false when it was used or is gone.
  public mutating func renew(hint: String, issuedAt: Timestamp, with secret: Secret) -> Bool {
    func isMeant(_ known: Secret?) -> Bool {
      known.map { !$0.isUsed && $0.hint == hint && $0.issuedAt == issuedAt } ?? false
    }
    if isMeant(successor) {
      successor = secret
    } else if isMeant(current) {
      current = secret
    } else {
      return false
    }
    return true
  }

  /// The device called with the secret of this SHA-256: a successor takes over. False when nothing changes by it.
  public mutating func use(digest: [UInt8], now: Timestamp) -> Bool {
    if var taken = successor, taken.digest == digest {
      taken.isUsed = true
      current = taken
      successor = nil
    } else if current?.digest == digest, current?.isUsed == false {
      current?.isUsed = true
    } else {
      return false
    }
    claimedAt = claimedAt ?? now
    return true
  }

  /// Accepts no secret any more, and nobody else's for the device; false when that was so already.
  public mutating func revoke(now: Timestamp) -> Bool {
    guard revokedAt == nil else { return false }
    (current, successor) = (nil, nil)
    revokedAt = now
    return true
  }
}
