import Framing
import Transport

/// What the calls of one loop need to compress and to inflate: a message at a time, so they share it. For each call it would be
/// 300 KiB as long as the call lasts, and what the last message inflated to.
final class LoopCompression {
  private var inflater: GzipInflater?
  private var inflated: [UInt8] = []
  private var deflater: GzipDeflater?

  /// The loop's own, made when there is none. On the loop.
  static func of(_ loop: LoopExecutor) -> LoopCompression {
    if let known = loop.companion as? LoopCompression { return known }
    let made = LoopCompression()
    loop.companion = made
    return made
  }

  /// A compressed message, valid until the next one of any call on the loop: it is to be read at once.
  func inflate(
    _ body: UnsafeRawBufferPointer, limit: Int
  ) throws(FramingError) -> UnsafeRawBufferPointer {
    do throws(GzipError) {
      let inflater: GzipInflater
      if let known = self.inflater { inflater = known } else { inflater = try GzipInflater() }
      self.inflater = inflater
      inflated = try inflater.inflate(body, limit: limit)
    } catch {
      throw .gzip(error)
    }
    // Valid until the next message replaces the array: nothing else touches it.
    return inflated.withUnsafeBytes { $0 }
  }

  func deflate(_ message: UnsafeRawBufferPointer) throws(GzipError) -> [UInt8] {
    let deflater: GzipDeflater
    if let known = self.deflater { deflater = known } else { deflater = try GzipDeflater() }
    self.deflater = deflater
    return try deflater.deflate(message)
  }
}
