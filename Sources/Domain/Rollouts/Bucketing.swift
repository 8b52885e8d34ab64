/// The key of a rollout's buckets: 128 random bits, fixed for the rollout's life and new for each rollout.
///
/// New for each, so that the same devices are not the guinea pigs of every rollout; secret from devices, so that none can
/// choose an id that puts it into (or keeps it out of) a cohort.
public struct RolloutSalt: Hashable, Sendable {
  public let low: UInt64
  public let high: UInt64

  public init(low: UInt64, high: UInt64) {
    self.low = low
    self.high = high
  }

  /// A salt from the caller's source of randomness.
  public init(using generator: inout some RandomNumberGenerator) {
    self.init(low: generator.next(), high: generator.next())
  }

  /// Reads what ``text`` wrote; nil for anything else.
  public init?(text: String) {
    let digits = Array(text.utf8)
    guard digits.count == 32, Hex.isHex(digits),
      let high = UInt64(String(decoding: digits[..<16], as: UTF8.self), radix: 16),
      let low = UInt64(String(decoding: digits[16...], as: UTF8.self), radix: 16)
    else { return nil }
    self.init(low: low, high: high)
  }

  /// 32 lower-case hexadecimal digits, `high` first.
  public var text: String {
    Hex.encode(high) + Hex.encode(low)
  }
}

/// Which devices a rollout reaches at which exposure.
///
/// ```
/// hash   = SipHash-2-4(key: salt, message: UTF-8 bytes of the device id)      64 bits
/// bucket = ⌊hash × 1_000_000 / 2^64⌋                                           0...999_999
/// cohort = bucket < exposure
/// ```
///
/// Every device keeps its bucket for the rollout's life, so cohorts only grow with the exposure
/// (e1 ≤ e2 ⇒ cohort(e1) ⊆ cohort(e2)), and advancing a step over any number of devices changes one number.
///
/// The multiplication takes the top bits (Lemire 2019), not `hash % 1_000_000`: a bucket is hit by ⌊2^64/10^6⌋ or one more
/// hash values, so no bucket is likelier than another by more than 1 part in 1.8 × 10^13.
///
/// With the salt 0f0e0d0c0b0a09080706050403020100:
/// - device `""`: hash 0x726fdb47dd0e0e31 → bucket 447_019
/// - device `"d1"`: hash 0x5bd900834f2dfaa7 → bucket 358_779
/// - device `"d2"`: hash 0xb003193fb2f5ac11 → bucket 687_547
public enum Bucketing {
  /// How many buckets there are: one per millionth.
  public static let bucketCount: UInt64 = 1_000_000

  /// The bucket of a device in a rollout, 0..<1_000_000.
  public static func bucket(of device: DeviceID, salt: RolloutSalt) -> Int32 {
    reduce(SipHash.hash(device.rawValue.utf8, key0: salt.low, key1: salt.high))
  }

  /// A hash scaled to 0..<1_000_000.
  ///
  /// - 0 → 0
  /// - 2^63 → 500_000
  /// - 2^64 - 1 → 999_999
  public static func reduce(_ hash: UInt64) -> Int32 {
    Int32(truncatingIfNeeded: hash.multipliedFullWidth(by: bucketCount).high)
  }

  /// Whether a bucket is in the cohort at an exposure.
  ///
  /// - bucket 0, exposure 0 → no
  /// - bucket 49_999, exposure 5 % → yes; bucket 50_000 → no
  /// - bucket 999_999, exposure 100 % → yes
  @inlinable
  public static func contains(bucket: Int32, exposure: Exposure) -> Bool {
    bucket < exposure.millionths
  }
}
