/// The five bytes before every gRPC message: a flag and a big-endian length.
///
/// Source: "gRPC over HTTP/2", Length-Prefixed-Message.
public struct MessagePrefix: Hashable, Sendable {
  /// Bytes of a prefix.
  public static let byteCount = 5

  /// Whether the message is encoded with the stream's `grpc-encoding`.
  public var isCompressed: Bool

  /// Bytes of the message that follows, as sent.
  public var length: Int

  /// A prefix for a message of `length` bytes, which must fit 32 bits.
  @inlinable
  public init(isCompressed: Bool, length: Int) {
    self.isCompressed = isCompressed
    self.length = length
  }

  /// Reads the prefix at the start of `bytes`; nil while fewer than five bytes are there.
  ///
  /// The length is tested here, before anybody buffers the message.
  /// - Throws: ``FramingError/invalidFlag(_:)``, ``FramingError/messageTooLarge(length:limit:)``
  @inlinable
  public static func read(
    _ bytes: UnsafeRawBufferPointer, limit: Int
  ) throws(FramingError) -> MessagePrefix? {
    guard bytes.count >= byteCount else {
      if let flag = bytes.first, flag > 1 { throw .invalidFlag(flag) }
      return nil
    }
    guard bytes[0] <= 1 else { throw .invalidFlag(bytes[0]) }
    let length = Int(
      UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: 1, as: UInt32.self)))
    guard length <= limit else { throw .messageTooLarge(length: length, limit: limit) }
    return MessagePrefix(isCompressed: bytes[0] == 1, length: length)
  }

  /// Writes the five bytes to `destination`, which must have room for them.
  @inlinable
  public func write(to destination: UnsafeMutableRawPointer) {
    destination.storeBytes(of: isCompressed ? 1 : 0, as: UInt8.self)
    destination.storeBytes(of: UInt32(length).bigEndian, toByteOffset: 1, as: UInt32.self)
  }
}
