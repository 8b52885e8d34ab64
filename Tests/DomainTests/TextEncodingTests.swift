import Domain
import Testing

@Suite struct TextEncodingTests {
  @Test(
    arguments: [
      ([], ""), ([0x00, 0x0f, 0xff], "000fff"), ([0xde, 0xad, 0xbe, 0xef], "deadbeef"),
    ] as [([UInt8], String)])
  func `bytes are written as two digits each`(bytes: [UInt8], text: String) {
    #expect(Hex.encode(bytes) == text)
    #expect(Hex.isHex(text.utf8))
  }

  @Test(
    arguments: [
      (0, "0000000000000000"), (255, "00000000000000ff"), (.max, "ffffffffffffffff"),
      (0x0123_4567_89ab_cdef, "0123456789abcdef"),
    ] as [(UInt64, String)])
  func `words are written with their zeros`(word: UInt64, text: String) {
    #expect(Hex.encode(word) == text)
  }

  @Test(arguments: ["A", "g", "0x", " ", "é", "`", "/", ":"])
  func `other characters are no digits`(text: String) {
    #expect(!Hex.isHex(text.utf8))
  }

  @Test(
    arguments: [
      ([], ""), ([0], "AA"), ([0, 0], "AAA"), ([0, 0, 0], "AAAA"), ([0xfb, 0xff], "-_8"),
      ([0xff, 0xff, 0xff], "____"),
    ] as [([UInt8], String)])
  func `base64url has no padding and letters that URLs take`(bytes: [UInt8], text: String) {
    #expect(Base64URL.encode(bytes) == text)
    #expect(Base64URL.decode(text) == bytes)
  }

  @Test(arguments: ["A", "AB", "-_9", "AA==", "+/8", "AA A", "é"])
  func `what is not written so is not read`(text: String) {
    #expect(Base64URL.decode(text) == nil)
  }
}
