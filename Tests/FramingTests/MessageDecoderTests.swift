import Framing
import Testing

@Suite struct MessageDecoderTests {
  /// Feeds `bytes` in chunks of `size` and collects what comes out, up to the first error.
  private func decode(
    _ bytes: [UInt8], chunk size: Int, limit: Int = 64, encoding: MessageEncoding = .identity
  ) -> (messages: [[UInt8]], wireBytes: Int, error: FramingError?) {
    var decoder = MessageDecoder(limit: limit, encoding: encoding)
    var messages: [[UInt8]] = []
    var wireBytes = 0
    do {
      var start = 0
      while start < bytes.count {
        let end = min(start + size, bytes.count)
        try bytes[start..<end].withUnsafeBytes { chunk in
          try decoder.feed(chunk) { message, wireLength in
            messages.append(Array(message))
            wireBytes += wireLength
          }
        }
        start = end
      }
      try decoder.finish()
      return (messages, wireBytes, nil)
    } catch {
      return (messages, wireBytes, error as? FramingError)
    }
  }

  @Test("messages come out whole and in order, however the bytes are cut", arguments: 1...20)
  func anyChunking(size: Int) {
    let bodies: [[UInt8]] = [[], [1], [2, 3], Array(repeating: 7, count: 64), [], [9, 9, 9]]
    let bytes = bodies.flatMap { frame($0) }
    let result = decode(bytes, chunk: size)
    #expect(result.messages == bodies)
    #expect(result.wireBytes == bytes.count)
    #expect(result.error == nil)
  }

  @Test("a message inside one chunk is delivered in place")
  func noCopy() throws {
    let bytes = frame([1, 2, 3])
    var decoder = MessageDecoder(limit: 8)
    try bytes.withUnsafeBytes { chunk in
      var address: UnsafeRawPointer?
      try decoder.feed(chunk) { message, _ in address = message.baseAddress }
      #expect(address == chunk.baseAddress! + 5)
    }
    try decoder.finish()
  }

  @Test(
    "the size limit is tested on the prefix",
    arguments: [(63, true), (64, true), (65, false), (0xffff_ffff, false)])
  func limit(length: Int, accepted: Bool) throws {
    var decoder = MessageDecoder(limit: 64)
    let prefix = frame([], length: length)
    prefix.withUnsafeBytes { chunk in
      if accepted {
        #expect(throws: Never.self) { try decoder.feed(chunk) { _, _ in } }
        #expect(throws: FramingError.truncatedMessage(missing: length)) { try decoder.finish() }
      } else {
        #expect(throws: FramingError.messageTooLarge(length: length, limit: 64)) {
          try decoder.feed(chunk) { _, _ in }
        }
        // Nothing of it is buffered.
        #expect(throws: Never.self) { try decoder.finish() }
      }
    }
  }

  @Test("the limit holds for a prefix cut in two as well")
  func limitAcrossChunks() {
    let result = decode(frame([], length: 65), chunk: 2)
    #expect(result.error == .messageTooLarge(length: 65, limit: 64))
  }

  @Test("any flag but 0 and 1 is refused", arguments: [2, 3, 127, 128, 255] as [UInt8])
  func flags(flag: UInt8) {
    #expect(decode(frame([1], flag: flag), chunk: 100).error == .invalidFlag(flag))
    #expect(decode(frame([1], flag: flag), chunk: 1).error == .invalidFlag(flag))
  }

  @Test("a compressed flag without an encoding is refused, before the message arrives")
  func compressedWithoutEncoding() {
    #expect(decode(frame([1], flag: 1), chunk: 100).error == .compressedWithoutEncoding)
    #expect(decode(frame([], flag: 1, length: 9), chunk: 100).error == .compressedWithoutEncoding)
    #expect(decode(frame([], flag: 1, length: 9), chunk: 3).error == .compressedWithoutEncoding)
  }

  @Test("messages before a defect are delivered")
  func deliveredBeforeDefect() {
    let result = decode(frame([1]) + frame([2]) + frame([3], flag: 9), chunk: 100)
    #expect(result.messages == [[1], [2]])
    #expect(result.error == .invalidFlag(9))
  }

  @Test(
    "a stream that ends inside a message says how much is missing",
    arguments: [(1, 4), (4, 1), (5, 3), (7, 1)])
  func truncated(received: Int, missing: Int) {
    let bytes = Array(frame([1, 2, 3]).prefix(received))
    #expect(decode(bytes, chunk: 100).error == .truncatedMessage(missing: missing))
    #expect(decode(bytes, chunk: 1).error == .truncatedMessage(missing: missing))
  }

  @Test("gzip messages and plain ones mix on a gzip stream", arguments: [1, 7, 1000])
  func gzipMix(size: Int) {
    let bytes = frame(Gzip.rollouts, flag: 1) + frame([1, 2]) + frame(Gzip.empty, flag: 1)
    let result = decode(bytes, chunk: size, encoding: .gzip)
    #expect(result.messages == [Gzip.rolloutsPlain, [1, 2], []])
    #expect(result.wireBytes == bytes.count)
    #expect(result.error == nil)
  }

  @Test("the limit holds for the inflated size", arguments: [(30, false), (31, true), (32, true)])
  func inflatedLimit(limit: Int, accepted: Bool) {
    let result = decode(frame(Gzip.rollouts, flag: 1), chunk: 100, limit: limit, encoding: .gzip)
    if accepted {
      #expect(result.messages == [Gzip.rolloutsPlain])
    } else {
      // 31 bytes deflate to 31 here, so the prefix is refused already.
      #expect(result.error == .messageTooLarge(length: 31, limit: 30))
    }
  }

  @Test("a bomb is refused at the limit")
  func bomb() throws {
    let zeros = [UInt8](repeating: 0, count: 1 << 20)
    let packed = try zeros.withUnsafeBytes { try GzipDeflater().deflate($0) }
    #expect(packed.count < 2048)
    let result = decode(frame(packed, flag: 1), chunk: 4096, limit: 4096, encoding: .gzip)
    #expect(result.error == .gzip(.tooLarge(limit: 4096)))
  }
}
