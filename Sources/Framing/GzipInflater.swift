internal import CZlib

/// Inflates gzip streams, one whole message at a time.
///
/// Keeps zlib's state (about 40 KiB once used) for the next message. Not thread-safe: owned by
/// one stream or one event loop.
public final class GzipInflater {
  private static let chunkSize = 16 * 1024

  /// zlib keeps a pointer back to this struct, so it must not move.
  private let stream: UnsafeMutablePointer<z_stream>
  private let chunk: UnsafeMutableRawBufferPointer

  /// - Throws: ``GzipError/outOfMemory``
  public init() throws(GzipError) {
    stream = .allocate(capacity: 1)
    stream.initialize(to: z_stream())
    chunk = .allocate(byteCount: Self.chunkSize, alignment: 16)
    // 15 bits of window, + 16: a gzip header is required.
    let result = inflateInit2_(
      stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
    // deinit runs for a fully initialised object even when init throws; inflateEnd accepts it.
    guard result == Z_OK else { throw .outOfMemory }
  }

  deinit {
    inflateEnd(stream)
    stream.deallocate()
    chunk.deallocate()
  }

  /// The message that `source`, one complete gzip stream, holds.
  ///
  /// Works in chunks of 16 KiB and stops with the first byte over `limit`, so a bomb costs no more
  /// memory than a legal message.
  public func inflate(
    _ source: UnsafeRawBufferPointer, limit: Int
  ) throws(GzipError) -> [UInt8] {
    guard inflateReset(stream) == Z_OK else { throw .corrupt }
    var output: [UInt8] = []
    output.reserveCapacity(min(limit, max(source.count, 64)))
    // zlib counts in 32 bits; a message prefix does too, so the source always fits.
    stream.pointee.next_in = UnsafeMutablePointer(
      mutating: source.bindMemory(to: UInt8.self).baseAddress)
    stream.pointee.avail_in = UInt32(source.count)
    while true {
      stream.pointee.next_out = chunk.bindMemory(to: UInt8.self).baseAddress
      stream.pointee.avail_out = UInt32(chunk.count)
      let result = CZlib.inflate(stream, Z_NO_FLUSH)
      let produced = chunk.count - Int(stream.pointee.avail_out)
      guard produced <= limit - output.count else { throw .tooLarge(limit: limit) }
      output.append(contentsOf: UnsafeRawBufferPointer(rebasing: chunk[0..<produced]))
      switch result {
      case Z_STREAM_END:
        let rest = Int(stream.pointee.avail_in)
        guard rest == 0 else { throw .trailingBytes(count: rest) }
        return output
      case Z_OK:
        continue
      case Z_BUF_ERROR:
        // No progress possible: all input is used up (the chunk is never full here).
        throw .truncated
      case Z_MEM_ERROR:
        throw .outOfMemory
      default:
        throw .corrupt
      }
    }
  }
}
