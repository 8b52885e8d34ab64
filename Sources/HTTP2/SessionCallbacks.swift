import CNGHTTP2
import RPCCore

/// The callbacks and options of server sessions, shared by all with the same configuration. Callbacks record; they never call into the owner.
final class SessionCallbacks: @unchecked Sendable {
  // Unchecked: both objects are filled in `init` and only read afterwards.
  let callbacks: OpaquePointer
  let options: OpaquePointer

  init(_ configuration: SessionConfiguration) throws(SessionError) {
    var made: OpaquePointer?
    guard nghttp2_session_callbacks_new(&made) == 0, let callbacks = made else {
      throw .outOfMemory
    }
    guard nghttp2_option_new(&made) == 0, let options = made else {
      nghttp2_session_callbacks_del(callbacks)
      throw .outOfMemory
    }
    self.callbacks = callbacks
    self.options = options
    nghttp2_option_set_no_auto_window_update(options, 1)
    nghttp2_option_set_max_outbound_ack(options, configuration.maxOutboundAcknowledgements)
    nghttp2_option_set_max_continuations(options, configuration.maxContinuations)
    // Counted by `Session`, which knows how long a stream lived: the library would answer a client whose calls expire together
    // with INTERNAL_ERROR.
    nghttp2_option_set_stream_reset_rate_limit(options, UInt64(UInt32.max), UInt64(UInt32.max))
    // Frames of kinds nobody knows are skipped without a callback, unless they are declared; then they count.
    for kind in UInt8(NGHTTP2_CONTINUATION.rawValue + 1)...UInt8.max {
      nghttp2_option_set_user_recv_extension_type(options, kind)
    }
    nghttp2_session_callbacks_set_unpack_extension_callback(callbacks, Self.unpackExtension)
    nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, Self.beginFrame)
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, Self.beginHeaders)
    nghttp2_session_callbacks_set_on_header_callback(callbacks, Self.header)
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, Self.dataChunk)
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, Self.frameReceived)
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks, Self.invalidFrame)
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, Self.frameSent)
    nghttp2_session_callbacks_set_on_frame_not_send_callback(callbacks, Self.frameNotSent)
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, Self.streamClosed)
  }

  deinit {
    nghttp2_session_callbacks_del(callbacks)
    nghttp2_option_del(options)
  }

  @inline(__always)
  private static func state(_ user: UnsafeMutableRawPointer?) -> UnsafeMutablePointer<SessionState>
  {
    user.unsafelyUnwrapped.assumingMemoryBound(to: SessionState.self)
  }

  @inline(__always)
  private static func stream(_ handle: OpaquePointer?, _ id: Int32) -> ServerStream.Reference? {
    nghttp2_session_get_stream_user_data(handle, id)?.assumingMemoryBound(to: ServerStream.self)
  }

  private static let beginFrame: nghttp2_on_begin_frame_callback = { _, header, user in
    let state = state(user)
    let header = header.unsafelyUnwrapped
    let type = Int(header.pointee.type)
    if type == Int(NGHTTP2_CONTINUATION.rawValue) { return 0 }
    state.pointee.openHeaderBlock = 0
    switch type {
    case Int(NGHTTP2_DATA.rawValue):
      break
    case Int(NGHTTP2_HEADERS.rawValue):
      state.pointee.noteHeaders(header.pointee.stream_id)
    case Int(NGHTTP2_PING.rawValue):
      if header.pointee.flags & UInt8(NGHTTP2_FLAG_ACK.rawValue) == 0 {
        state.pointee.emptyFrames &+= 1
        state.pointee.pings &+= 1
      }
    case Int(NGHTTP2_SETTINGS.rawValue):
      if header.pointee.flags & UInt8(NGHTTP2_FLAG_ACK.rawValue) == 0 {
        state.pointee.emptyFrames &+= 1
      }
    default:
      state.pointee.emptyFrames &+= 1
    }
    return 0
  }

  /// A frame of an unknown kind ends here, unread (RFC 9113 section 5.5).
  private static let unpackExtension: nghttp2_unpack_extension_callback = { _, _, _, _ in
    NGHTTP2_ERR_CANCEL.rawValue
  }

  private static let beginHeaders: nghttp2_on_begin_headers_callback = { handle, frame, user in
    let state = state(user)
    let frame = frame.unsafelyUnwrapped
    state.pointee.headerBlocks &+= 1
    state.pointee.openHeaderBlock = state.pointee.headerBlocks
    guard frame.pointee.headers.cat == NGHTTP2_HCAT_REQUEST else {
      let open = stream(handle, frame.pointee.hd.stream_id)
      open?.pointee.inTrailers = true
      state.pointee.receiving = open
      return 0
    }
    let opened = state.pointee.open(frame.pointee.hd.stream_id)
    nghttp2_session_set_stream_user_data(handle, frame.pointee.hd.stream_id, opened)
    state.pointee.receiving = opened
    return 0
  }

  private static let header: nghttp2_on_header_callback = {
    _, _, name, nameCount, value, valueCount, _, user in
    let state = state(user)
    guard let receiving = state.pointee.receiving else { return 0 }
    state.pointee.recordField(
      receiving, name: UnsafeRawBufferPointer(start: name, count: nameCount),
      value: UnsafeRawBufferPointer(start: value, count: valueCount))
    return 0
  }

  private static let dataChunk: nghttp2_on_data_chunk_recv_callback = {
    handle, _, id, data, count, user in
    let state = state(user)
    state.pointee.received &+= count
    guard let stream = stream(handle, id), count > 0 else { return 0 }
    stream.pointee.inbound.append(UnsafeRawBufferPointer(start: data, count: count))
    stream.pointee.bytesReceived &+= UInt64(count)
    if !stream.pointee.dataEventPending {
      stream.pointee.dataEventPending = true
      state.pointee.record(.data(stream))
    }
    return 0
  }

  private static let frameReceived: nghttp2_on_frame_recv_callback = { handle, frame, user in
    let state = state(user)
    let frame = frame.unsafelyUnwrapped
    let flags = frame.pointee.hd.flags
    switch Int(frame.pointee.hd.type) {
    case Int(NGHTTP2_HEADERS.rawValue):
      state.pointee.openHeaderBlock = 0
      state.pointee.receiving = nil
      guard let stream = stream(handle, frame.pointee.hd.stream_id) else { return 0 }
      if !stream.pointee.headersComplete {
        stream.pointee.headersComplete = true
        state.pointee.earned &+= 8
        state.pointee.record(.headers(stream))
      }
      if flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0 {
        state.pointee.recordRemoteEnd(stream)
      }
    case Int(NGHTTP2_DATA.rawValue):
      let ends = flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0
      let carried = frame.pointee.hd.length &- frame.pointee.data.padlen
      if carried > 0 {
        state.pointee.earned &+= 1 &+ carried >> 10
      } else if !ends {
        state.pointee.emptyFrames &+= 1
      }
      if ends,
        let stream = stream(handle, frame.pointee.hd.stream_id)
      {
        state.pointee.recordRemoteEnd(stream)
      }
    case Int(NGHTTP2_SETTINGS.rawValue):
      if flags & UInt8(NGHTTP2_FLAG_ACK.rawValue) != 0 {
        state.pointee.record(.settingsAcknowledged)
      }
    case Int(NGHTTP2_PING.rawValue):
      if flags & UInt8(NGHTTP2_FLAG_ACK.rawValue) != 0 {
        state.pointee.record(.pingAcknowledged)
      }
    case Int(NGHTTP2_RST_STREAM.rawValue):
      // A stream that was answered or lived for a while cost the client as much as a call: those opened to be reset are a flood.
      if let stream = stream(handle, frame.pointee.hd.stream_id),
        state.pointee.isRapid(stream, frame.pointee.rst_stream.error_code)
      {
        state.pointee.resets &+= 1
      }
    case Int(NGHTTP2_GOAWAY.rawValue):
      state.pointee.record(.goAway(frame.pointee.goaway.error_code))
    default:
      break
    }
    return 0
  }

  private static let invalidFrame: nghttp2_on_invalid_frame_recv_callback = { _, _, _, user in
    state(user).pointee.faults &+= 1
    return 0
  }

  private static let frameSent: nghttp2_on_frame_send_callback = { handle, frame, user in
    let frame = frame.unsafelyUnwrapped
    switch Int(frame.pointee.hd.type) {
    case Int(NGHTTP2_DATA.rawValue):
      state(user).pointee.earned &+= 2 &+ frame.pointee.hd.length >> 10
      state(user).pointee.hasAnswered = true
      endEarly(handle, frame)
    case Int(NGHTTP2_HEADERS.rawValue):
      endEarly(handle, frame)
    case Int(NGHTTP2_RST_STREAM.rawValue):
      let code = frame.pointee.rst_stream.error_code
      if code != NGHTTP2_NO_ERROR.rawValue, code != NGHTTP2_CANCEL.rawValue {
        state(user).pointee.faults &+= 1
      }
    default:
      break
    }
    return 0
  }

  /// A response that ended before its request: tells the client to stop sending (RFC 9113 section 8.1).
  @inline(__always)
  private static func endEarly(_ handle: OpaquePointer?, _ frame: UnsafePointer<nghttp2_frame>) {
    guard frame.pointee.hd.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0,
      let stream = stream(handle, frame.pointee.hd.stream_id), !stream.pointee.isRemoteClosed
    else { return }
    nghttp2_submit_rst_stream(
      handle, UInt8(NGHTTP2_FLAG_NONE.rawValue), frame.pointee.hd.stream_id,
      UInt32(NGHTTP2_NO_ERROR.rawValue))
  }

  /// A response's head or trailers that do not fit a frame: without this, their stream would never end.
  private static let frameNotSent: nghttp2_on_frame_not_send_callback = { handle, frame, error, _ in
    let frame = frame.unsafelyUnwrapped
    let id = frame.pointee.hd.stream_id
    if Int(frame.pointee.hd.type) == Int(NGHTTP2_HEADERS.rawValue), stream(handle, id) != nil {
      nghttp2_submit_rst_stream(
        handle, UInt8(NGHTTP2_FLAG_NONE.rawValue), id, UInt32(NGHTTP2_INTERNAL_ERROR.rawValue))
    }
    return 0
  }

  private static let streamClosed: nghttp2_on_stream_close_callback = { handle, id, code, user in
    guard let stream = stream(handle, id) else { return 0 }
    let state = state(user)
    if state.pointee.receiving == stream {
      state.pointee.receiving = nil
      state.pointee.openHeaderBlock = 0
    }
    stream.pointee.isClosed = true
    if stream.pointee.headersComplete {
      state.pointee.record(.closed(stream, code))
    } else {
      state.pointee.release(stream)
    }
    return 0
  }

  /// Hands `outbound` to the library, copying; bounded by the frame size it asks for.
  static let readData: nghttp2_data_source_read_callback = {
    handle, id, buffer, length, flags, source, user in
    let stream = source.unsafelyUnwrapped.pointee.ptr.unsafelyUnwrapped
      .assumingMemoryBound(to: ServerStream.self)
    let count = min(stream.pointee.outbound.count, length)
    if count > 0 {
      UnsafeMutableRawPointer(buffer.unsafelyUnwrapped).copyMemory(
        from: stream.pointee.outbound.bytes.baseAddress.unsafelyUnwrapped, byteCount: count)
      stream.pointee.outbound.consume(count)
      stream.pointee.bytesSent &+= UInt64(count)
      if stream.pointee.outbound.producerWaits, !stream.pointee.drainEventPending {
        stream.pointee.drainEventPending = true
        state(user).pointee.record(.drained(stream))
      }
    }
    guard stream.pointee.outbound.isEmpty else { return count }
    switch stream.pointee.ending {
    case .open:
      if count > 0 { return count }
      stream.pointee.outbound.consumerSleeps = true
      return Int(NGHTTP2_ERR_DEFERRED.rawValue)
    case .endStream:
      flags.unsafelyUnwrapped.pointee |= UInt32(NGHTTP2_DATA_FLAG_EOF.rawValue)
      return count
    case .trailers:
      flags.unsafelyUnwrapped.pointee |= UInt32(
        NGHTTP2_DATA_FLAG_EOF.rawValue | NGHTTP2_DATA_FLAG_NO_END_STREAM.rawValue)
      if stream.pointee.trailers.isEmpty {
        nghttp2_submit_trailer(
          handle, id, FixedFields.okTrailers.base, FixedFields.okTrailers.count)
      } else {
        let state = state(user)
        state.pointee.scratch.clear()
        state.pointee.scratch.append(block: stream.pointee.trailers.bytes)
        nghttp2_submit_trailer(
          handle, id, state.pointee.scratch.fields, state.pointee.scratch.count)
      }
      return count
    }
  }
}
