import Framing
import Testing

/// Streams made by Python's gzip module.
enum Gzip {
  static let rolloutsPlain = Array("rollout rollout rollout rollout".utf8)
  static let rollouts = hex("1f8b08000000000002032bcacfc9c92f2d5128c24e0300c9f925e01f000000")
  static let empty = hex("1f8b080000000000020303000000000000000000")
}

@Suite struct GzipTests {
  private func inflate(_ bytes: [UInt8], limit: Int = 1000) throws -> [UInt8] {
    let inflater = try GzipInflater()
    return try bytes.withUnsafeBytes { try inflater.inflate($0, limit: limit) }
  }

  @Test("streams of another implementation inflate")
  func foreign() throws {
    #expect(try inflate(Gzip.rollouts) == Gzip.rolloutsPlain)
    #expect(try inflate(Gzip.empty) == [])
    #expect(try inflate(Gzip.empty, limit: 0) == [])
  }

  @Test(
    "limit − 1, limit and limit + 1 around a chunk's size", arguments: [16383, 16384, 16385, 50000])
  func limits(count: Int) throws {
    let plain = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    let packed = try plain.withUnsafeBytes { try GzipDeflater().deflate($0) }
    #expect(try inflate(packed, limit: count) == plain)
    #expect(try inflate(packed, limit: count + 1) == plain)
    #expect(throws: GzipError.tooLarge(limit: count - 1)) { try inflate(packed, limit: count - 1) }
  }

  @Test("every truncation is an error, and nothing traps", arguments: 0..<31)
  func truncated(count: Int) {
    #expect(throws: GzipError.self) { try inflate(Array(Gzip.rollouts.prefix(count))) }
  }

  @Test("bytes behind the stream are an error")
  func trailing() {
    #expect(throws: GzipError.trailingBytes(count: 2)) { try inflate(Gzip.rollouts + [0, 0]) }
    #expect(throws: GzipError.trailingBytes(count: 20)) { try inflate(Gzip.rollouts + Gzip.empty) }
  }

  @Test(
    "a flipped bit in the checksum, the length or the header is an error",
    arguments: [0, 1, 2, 23, 27])
  func corrupt(index: Int) {
    var bytes = Gzip.rollouts
    bytes[index] ^= 1
    #expect(throws: GzipError.corrupt) { try inflate(bytes) }
  }

  @Test("an inflater is good for the next message, also after an error")
  func reuse() throws {
    let inflater = try GzipInflater()
    for _ in 0..<3 {
      #expect(throws: GzipError.self) {
        try [UInt8](repeating: 1, count: 40).withUnsafeBytes { try inflater.inflate($0, limit: 9) }
      }
      let good = try Gzip.rollouts.withUnsafeBytes { try inflater.inflate($0, limit: 100) }
      #expect(good == Gzip.rolloutsPlain)
    }
  }
}
