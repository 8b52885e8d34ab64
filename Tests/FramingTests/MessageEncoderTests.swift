import Framing
import Testing

@Suite struct MessageEncoderTests {
  private func encode(_ message: [UInt8], with encoder: inout MessageEncoder) throws -> [UInt8] {
    var output: [UInt8] = [0xaa]
    try message.withUnsafeBytes { try encoder.encode($0, into: &output) }
    #expect(output.first == 0xaa)
    return Array(output.dropFirst())
  }

  @Test("identity is the prefix and the message", arguments: [0, 1, 255, 256, 70000])
  func identity(count: Int) throws {
    var encoder = MessageEncoder()
    let message = [UInt8](repeating: 5, count: count)
    #expect(try encode(message, with: &encoder) == frame(message))
  }

  @Test(
    "gzip is used from the minimum length on, when it makes the message shorter",
    arguments: [(127, UInt8(0)), (128, 1), (129, 1)])
  func minimumLength(count: Int, flag: UInt8) throws {
    var encoder = MessageEncoder(encoding: .gzip, minimumCompressedLength: 128)
    #expect(try encode([UInt8](repeating: 5, count: count), with: &encoder)[0] == flag)
  }

  @Test("a message that gzip would lengthen is sent as it is")
  func incompressible() throws {
    var encoder = MessageEncoder(encoding: .gzip)
    var state: UInt64 = 88_172_645_463_325_252
    let noise = (0..<4000).map { _ -> UInt8 in
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      return UInt8(truncatingIfNeeded: state)
    }
    #expect(try encode(noise, with: &encoder) == frame(noise))
  }

  @Test("what it deflates, the decoder inflates")
  func roundTrip() throws {
    var encoder = MessageEncoder(encoding: .gzip)
    let message = Array(repeatElement(Array("rollout ".utf8), count: 100).joined())
    let bytes = try encode(message, with: &encoder)
    #expect(bytes[0] == 1)
    var decoder = MessageDecoder(limit: 1000, encoding: .gzip)
    var result: [[UInt8]] = []
    try bytes.withUnsafeBytes {
      try decoder.feed($0) { message, _ in result.append(Array(message)) }
    }
    #expect(result == [message])
  }
}
