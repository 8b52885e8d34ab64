internal import CZlib

/// Deflates messages to gzip streams, one whole message at a time.
///
/// Keeps zlib's state (about 256 KiB) for the next message. Not thread-safe: owned by one stream
/// or one event loop.
public final class GzipDeflater {
  /// zlib keeps a pointer back to this struct, so it must not move.
  private let stream: UnsafeMutablePointer<z_stream>

  /// - Parameter level: zlib's level, 1 (fast) to 9 (small).
  /// - Throws: ``GzipError/outOfMemory``
  public init(level: Int = 6) throws(GzipError) {
    stream = .allocate(capacity: 1)
    stream.initialize(to: z_stream())
    // 15 bits of window, + 16: write a gzip header and trailer. 8 is zlib's default memLevel.
    let result = deflateInit2_(
      stream, Int32(level), Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
      Int32(MemoryLayout<z_stream>.size))
    guard result == Z_OK else { throw .outOfMemory }
  }

  deinit {
    deflateEnd(stream)
    stream.deallocate()
  }

  /// `source` as one gzip stream.
  public func deflate(_ source: UnsafeRawBufferPointer) throws(GzipError) -> [UInt8] {
    guard deflateReset(stream) == Z_OK else { throw .corrupt }
    let bound = Int(deflateBound(stream, UInt(source.count)))
    var result = Z_OK
    let output = [UInt8](unsafeUninitializedCapacity: bound) { buffer, count in
      stream.pointee.next_in = UnsafeMutablePointer(
        mutating: source.bindMemory(to: UInt8.self).baseAddress)
      stream.pointee.avail_in = UInt32(source.count)
      stream.pointee.next_out = buffer.baseAddress
      stream.pointee.avail_out = UInt32(bound)
      result = CZlib.deflate(stream, Z_FINISH)
      count = bound - Int(stream.pointee.avail_out)
    }
    // deflateBound guarantees that one call is enough.
    guard result == Z_STREAM_END else { throw .corrupt }
    return output
  }
}
