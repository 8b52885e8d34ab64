/// Frames messages for the wire: prefix, and gzip where it pays.
///
/// Owned by one stream; not thread-safe.
public struct MessageEncoder {
  /// What the stream declared in `grpc-encoding`.
  public let encoding: MessageEncoding

  /// Messages shorter than this many bytes are sent as they are: gzip's 18 bytes of header and
  /// trailer and the work are not worth it.
  public let minimumCompressedLength: Int

  @usableFromInline var deflater: GzipDeflater?

  /// An encoder for a stream that declares `encoding`.
  public init(encoding: MessageEncoding = .identity, minimumCompressedLength: Int = 128) {
    self.encoding = encoding
    self.minimumCompressedLength = minimumCompressedLength
  }

  /// Appends the prefix and `message` to `output`.
  ///
  /// Under gzip a message that would not become shorter is sent uncompressed, which the flag in the
  /// prefix allows for each message.
  /// - Throws: ``FramingError/messageTooLarge(length:limit:)`` for a message that 32 bits cannot
  ///   measure.
  @inlinable
  public mutating func encode(
    _ message: UnsafeRawBufferPointer, into output: inout [UInt8]
  ) throws(FramingError) {
    guard message.count <= Int(UInt32.max) else {
      throw .messageTooLarge(length: message.count, limit: Int(UInt32.max))
    }
    if encoding == .gzip, message.count >= minimumCompressedLength {
      let packed = try deflated(message)
      if packed.count < message.count {
        packed.withUnsafeBytes { Self.append($0, isCompressed: true, to: &output) }
        return
      }
    }
    Self.append(message, isCompressed: false, to: &output)
  }

  @inlinable
  static func append(
    _ body: UnsafeRawBufferPointer, isCompressed: Bool, to output: inout [UInt8]
  ) {
    let start = output.count
    output.reserveCapacity(start + MessagePrefix.byteCount + body.count)
    for _ in 0..<MessagePrefix.byteCount { output.append(0) }
    let prefix = MessagePrefix(isCompressed: isCompressed, length: body.count)
    output.withUnsafeMutableBytes { prefix.write(to: $0.baseAddress! + start) }
    output.append(contentsOf: body)
  }

  @usableFromInline
  mutating func deflated(_ message: UnsafeRawBufferPointer) throws(FramingError) -> [UInt8] {
    do {
      if deflater == nil { deflater = try GzipDeflater() }
      return try deflater!.deflate(message)
    } catch {
      throw .gzip(error)
    }
  }
}
