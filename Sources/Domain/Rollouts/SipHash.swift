/// SipHash-2-4: a keyed 64-bit hash of short inputs that nobody without the key can steer.
///
/// Source: Aumasson and Bernstein, "SipHash: a fast short-input PRF" (2012). Stable for ever: buckets depend on it.
/// Swift's own `Hasher` is SipHash as well, but seeded per process and therefore useless here.
public enum SipHash {
  /// The hash of `bytes` under the key (`key0`, `key1`), the key's two little-endian words.
  ///
  /// With the key 00 01 … 0f (`key0` = 0x0706050403020100, `key1` = 0x0f0e0d0c0b0a0908):
  /// - no bytes → 0x726fdb47dd0e0e31
  /// - 00 → 0x74f839c593dc67fd
  /// - 00 01 … 0e → 0xa129ca6149be45e5 (the paper's example)
  public static func hash(_ bytes: some Sequence<UInt8>, key0: UInt64, key1: UInt64) -> UInt64 {
    var state = State(key0: key0, key1: key1)
    var word: UInt64 = 0
    var count: UInt64 = 0
    for byte in bytes {
      word |= UInt64(byte) << ((count & 7) * 8)
      count &+= 1
      if count & 7 == 0 {
        state.absorb(word)
        word = 0
      }
    }
    state.absorb(word | count << 56)
    return state.finish()
  }

  private struct State {
    var v0: UInt64
    var v1: UInt64
    var v2: UInt64
    var v3: UInt64

    init(key0: UInt64, key1: UInt64) {
      v0 = key0 ^ 0x736f_6d65_7073_6575
      v1 = key1 ^ 0x646f_7261_6e64_6f6d
      v2 = key0 ^ 0x6c79_6765_6e65_7261
      v3 = key1 ^ 0x7465_6462_7974_6573
    }

    mutating func absorb(_ word: UInt64) {
      v3 ^= word
      round()
      round()
      v0 ^= word
    }

    mutating func finish() -> UInt64 {
      v2 ^= 0xff
      for _ in 0..<4 { round() }
      return v0 ^ v1 ^ v2 ^ v3
    }

    private mutating func round() {
      v0 &+= v1
      v1 = rotated(v1, 13) ^ v0
      v0 = rotated(v0, 32)
      v2 &+= v3
      v3 = rotated(v3, 16) ^ v2
      v0 &+= v3
      v3 = rotated(v3, 21) ^ v0
      v2 &+= v1
      v1 = rotated(v1, 17) ^ v2
      v2 = rotated(v2, 32)
    }

    private func rotated(_ value: UInt64, _ count: UInt64) -> UInt64 {
      value << count | value >> (64 - count)
    }
  }
}
