/// Tests on the eight bytes of a word at once. A result has the high bit of a byte's lane set where
/// the test holds; the lowest such lane is exact, lanes above it may be set by a borrow.
enum ByteLanes {
  private static let ones: UInt64 = 0x0101_0101_0101_0101
  private static let highs: UInt64 = 0x8080_8080_8080_8080

  @inline(__always) static func equal(_ word: UInt64, _ byte: UInt8) -> UInt64 {
    let difference = word ^ (ones &* UInt64(byte))
    return (difference &- ones) & ~difference & highs
  }

  @inline(__always) static func below0x20(_ word: UInt64) -> UInt64 {
    (word &- ones &* 0x20) & ~word & highs
  }
}
