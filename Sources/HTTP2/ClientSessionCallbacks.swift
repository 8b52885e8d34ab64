internal import CNGHTTP2
internal import RPCCore

/// The callbacks and options that all client sessions share.
///
/// `@unchecked Sendable`: both objects are filled in `init` and only read afterwards.
struct ClientSessionCallbacks: @unchecked Sendable {
  /// nil: the C library had no memory for them.
  static let shared = ClientSessionCallbacks()

  let callbacks: OpaquePointer
  let options: OpaquePointer

  private init?() {
    var made: OpaquePointer?
    guard nghttp2_session_callbacks_new(&made) == 0, let callbacks = made else { return nil }
    guard nghttp2_option_new(&made) == 0, let options = made else {
      nghttp2_session_callbacks_del(callbacks)
      return nil
    }
    self.callbacks = callbacks
    self.options = options
    nghttp2_option_set_no_auto_window_update(options, 1)
    nghttp2_option_set_no_closed_streams(options, 1)
    nghttp2_option_set_max_outbound_ack(options, 100)
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, Self.beginHeaders)
    nghttp2_session_callbacks_set_on_header_callback(callbacks, Self.header)
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, Self.dataChunk)
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, Self.frameReceived)
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, Self.frameSent)
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, Self.streamClosed)
  }

  private static let beginHeaders: nghttp2_on_begin_headers_callback = { _, frame, user in
    guard let stream = session(user).stream(frame!.pointee.hd.stream_id) else { return 0 }
    stream.block = Metadata()
    stream.blockBytes = 0
    return 0
  }

  private static let header: nghttp2_on_header_callback = {
    _, frame, name, nameCount, value, valueCount, _, user in
    let session = session(user)
    guard let stream = session.stream(frame!.pointee.hd.stream_id) else { return 0 }
    // RFC 9113 §6.5.2 counts 32 bytes for each field; counted before anything is copied.
    stream.blockBytes += nameCount + valueCount + 32
    guard stream.blockBytes <= session.configuration.maxHeaderListSize else {
      return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue
    }
    stream.block.append(
      UnsafeBufferPointer(start: name, count: nameCount),
      UnsafeBufferPointer(start: value, count: valueCount))
    return 0
  }

  private static let dataChunk: nghttp2_on_data_chunk_recv_callback = {
    _, _, id, bytes, count, user in
    let session = session(user)
    guard let stream = session.stream(id) else { return 0 }
    session.recordData(stream, UnsafeRawBufferPointer(start: bytes, count: count))
    return 0
  }

  private static let frameReceived: nghttp2_on_frame_recv_callback = { _, frame, user in
    let session = session(user)
    let head = frame!.pointee.hd
    let ends = head.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0
    switch UInt32(head.type) {
    case NGHTTP2_HEADERS.rawValue:
      guard let stream = session.stream(head.stream_id) else { return 0 }
      session.events.append(.headers(stream, stream.block, endsStream: ends))
      stream.block = Metadata()
    case NGHTTP2_DATA.rawValue:
      guard ends, let stream = session.stream(head.stream_id) else { return 0 }
      session.events.append(.endOfStream(stream))
    case NGHTTP2_SETTINGS.rawValue:
      guard head.flags & UInt8(NGHTTP2_FLAG_ACK.rawValue) == 0 else { return 0 }
      session.recordSettings()
    case NGHTTP2_PING.rawValue:
      guard head.flags & UInt8(NGHTTP2_FLAG_ACK.rawValue) != 0 else { return 0 }
      session.events.append(.pingAnswered)
    case NGHTTP2_GOAWAY.rawValue:
      let goAway = frame!.pointee.goaway
      let text = UnsafeBufferPointer(start: goAway.opaque_data, count: goAway.opaque_data_len)
      session.recordGoAway(
        errorCode: goAway.error_code, debugText: String(decoding: text, as: UTF8.self))
    default:
      break
    }
    return 0
  }

  private static let frameSent: nghttp2_on_frame_send_callback = { _, frame, user in
    let head = frame!.pointee.hd
    guard UInt32(head.type) == NGHTTP2_HEADERS.rawValue else { return 0 }
    session(user).stream(head.stream_id)?.isSent = true
    return 0
  }

  private static let streamClosed: nghttp2_on_stream_close_callback = { _, id, errorCode, user in
    session(user).recordClosed(id, errorCode: errorCode)
    return 0
  }

  /// Copies what waits on a stream into a DATA frame. A copy is as fast as handing out the memory,
  /// and bounded by the frame.
  static let readData: nghttp2_data_source_read_callback = {
    _, id, buffer, room, flags, source, user in
    let session = session(user)
    // The session keeps a stream until it is closed, and nghttp2 does not ask after that.
    guard let stream = session.stream(id) else {
      return Int(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue)
    }
    let count = min(stream.outbound.count, room)
    if count == 0, !stream.endsAfterOutbound {
      stream.isDeferred = true
      return Int(NGHTTP2_ERR_DEFERRED.rawValue)
    }
    if count > 0 {
      UnsafeMutableRawBufferPointer(start: buffer, count: count).copyMemory(
        from: UnsafeRawBufferPointer(rebasing: stream.outbound.bytes[0..<count]))
      stream.outbound.consume(count)
    }
    if stream.outbound.isEmpty, stream.endsAfterOutbound {
      flags!.pointee |= NGHTTP2_DATA_FLAG_EOF.rawValue
    }
    if stream.wantsDrained, stream.outbound.count < session.configuration.lowWaterMark {
      stream.wantsDrained = false
      session.events.append(.drained(stream))
    }
    return count
  }

  private static func session(_ user: UnsafeMutableRawPointer?) -> ClientSession {
    Unmanaged<ClientSession>.fromOpaque(user!).takeUnretainedValue()
  }
}
