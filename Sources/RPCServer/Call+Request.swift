import Framing
import HTTP2
import RPCCore
import Transport

/// The request's bytes cut into messages, and the window that this opens.
extension Call {
  /// Bytes of the first message with its prefix; nil while it is incomplete.
  func messageLength(_ bytes: UnsafeRawBufferPointer) throws(FramingError) -> Int? {
    guard let prefix = try MessagePrefix.read(bytes, limit: method.maxRequestBytes) else {
      return nil
    }
    if prefix.isCompressed, encoding == .identity { throw .compressedWithoutEncoding }
    let length = prefix.length + MessagePrefix.byteCount
    return bytes.count >= length ? length : nil
  }

  /// The first message of what has arrived.
  func takeMessage(_ stream: ServerStream.Reference) -> InboundMessage {
    do throws(FramingError) {
      guard let length = try messageLength(stream.pointee.inbound.bytes) else {
        return try incomplete(stream)
      }
      let bytes = stream.pointee.inbound.bytes
      // The bytes stay where they are until more arrive, which is after the message was read.
      stream.pointee.inbound.consume(length)
      if !stream.pointee.isRemoteClosed { giveBack(length, stream) }
      let body = UnsafeRawBufferPointer(rebasing: bytes[MessagePrefix.byteCount..<length])
      guard bytes[0] == 1, let connection else { return .message(body) }
      return .message(
        try LoopCompression.of(connection.loop).inflate(body, limit: method.maxRequestBytes))
    } catch {
      return .failed(RPCError(error))
    }
  }

  private func incomplete(_ stream: ServerStream.Reference) throws(FramingError) -> InboundMessage {
    guard stream.pointee.isRemoteClosed else {
      creditPartial()
      // A stream that once carried a large message shall not hold its memory while it waits for the next.
      stream.pointee.inbound.release(above: 64 * 1024)
      return .pending
    }
    if stream.pointee.inbound.isEmpty { return .end }
    throw .truncatedMessage(missing: missing(stream.pointee.inbound.bytes))
  }

  private func missing(_ bytes: UnsafeRawBufferPointer) -> Int {
    guard bytes.count >= MessagePrefix.byteCount else {
      return MessagePrefix.byteCount - bytes.count
    }
    let length = Int(UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: 1, as: UInt32.self)))
    return length + MessagePrefix.byteCount - bytes.count
  }

  /// The handler took `length` bytes: opens the window by those that were not given back before.
  private func giveBack(_ length: Int, _ stream: ServerStream.Reference) {
    let known = min(length, credited)
    credited -= known
    guard length > known, let connection else { return }
    connection.session.consume(length - known, of: stream)
    connection.markDirty()
  }

  /// Opens the window for a message that is incomplete: one larger than the window could never complete otherwise.
  func creditPartial() {
    guard let stream, let connection else { return }
    let fresh = stream.pointee.inbound.count - credited
    guard fresh > 0 else { return }
    credited += fresh
    connection.session.consume(fresh, of: stream)
    connection.markDirty()
  }
}
