import Framing
import Testing

@Suite struct GRPCTimeoutTests {
  @Test(
    "digits and a unit are read",
    arguments: [
      ("1n", 1), ("1u", 1000), ("1m", 1_000_000), ("1S", 1_000_000_000),
      ("1M", 60_000_000_000), ("1H", 3_600_000_000_000), ("0n", 0), ("00000001S", 1_000_000_000),
      ("99999999n", 99_999_999), ("2562047H", 9_223_369_200_000_000_000),
      ("2562048H", .max), ("99999999H", .max), ("99999999M", 5_999_999_940_000_000_000),
    ] as [(String, Int64)])
  func reads(text: String, nanoseconds: Int64) {
    #expect(text.withBytes { GRPCTimeout.parse($0) } == nanoseconds)
  }

  @Test(
    "everything else is no timeout",
    arguments: [
      "", "S", "1", "1s", "1h", "123456789n", "100000000H", "-1S", "+1S", "1.5S", " 1S", "1 S",
      "1S ", "0x1S", "１S",
    ])
  func refuses(text: String) {
    #expect(text.withBytes { GRPCTimeout.parse($0) } == nil)
  }

  @Test(
    "the finest unit that fits eight digits is written, rounded up",
    arguments: [
      (-5, "0n"), (0, "0n"), (1, "1n"), (99_999_999, "99999999n"), (100_000_000, "100000u"),
      (100_000_001, "100001u"), (1_500_000_000, "1500000u"), (99_999_999_000, "99999999u"),
      (99_999_999_001, "100000m"), (99_999_999_000_000_001, "1666667M"),
      (.max, "2562048H"),
    ] as [(Int64, String)])
  func writes(nanoseconds: Int64, text: String) {
    let written = String(decoding: GRPCTimeout.format(nanoseconds: nanoseconds), as: UTF8.self)
    #expect(written == text)
  }

  @Test(
    "what is written is read as at least the same time",
    arguments: [1, 7, 1 << 31, 1 << 40, 1 << 62] as [Int64])
  func neverShorter(nanoseconds: Int64) throws {
    let read = GRPCTimeout.format(nanoseconds: nanoseconds).withUnsafeBytes {
      GRPCTimeout.parse($0)
    }
    #expect(try #require(read) >= nanoseconds)
  }
}

@Suite struct PercentEncodingTests {
  @Test(
    "text is encoded and read back",
    arguments: [
      ("", ""), ("plain text, punctuated~", "plain text, punctuated~"), ("100%", "100%25"),
      ("\t\r\n", "%09%0D%0A"), ("é", "%C3%A9"), ("😈", "%F0%9F%98%88"), ("\u{7f}", "%7F"),
      ("a\u{0}b", "a%00b"),
    ])
  func both(text: String, encoded: String) {
    #expect(String(decoding: PercentEncoding.encode(text), as: UTF8.self) == encoded)
    #expect(encoded.withBytes { PercentEncoding.decode($0) } == text)
  }

  @Test(
    "damaged text is read as well as it goes",
    arguments: [
      ("%", "%"), ("%4", "%4"), ("%41", "A"), ("%4g", "%4g"), ("%%41", "%A"), ("a%", "a%"),
      ("%c3%a9", "é"), ("%FF", "\u{fffd}"),
    ])
  func robust(encoded: String, text: String) {
    #expect(encoded.withBytes { PercentEncoding.decode($0) } == text)
  }
}
