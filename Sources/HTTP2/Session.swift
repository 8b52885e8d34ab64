import CNGHTTP2
import RPCCore

/// The server's side of one HTTP/2 connection: bytes in → events, submissions → bytes out. No sockets, no clock.
///
/// Belongs to one thread, and is never entered while it is being used: `receive`, then events until there are none, then output until there is none, and
/// events again, because output may close streams.
public final class Session {
  private let state: UnsafeMutablePointer<SessionState>
  private let shared: SharedCallbacks
  private let handle: OpaquePointer
  private var faults: TokenBucket
  private var emptyFrames: TokenBucket
  private var pings: TokenBucket
  private var resets: TokenBucket
  private var failure: SessionError?
  private var isLost = false

  /// What sessions of one configuration share.
  public struct SharedCallbacks: Sendable {
    let configuration: SessionConfiguration
    let callbacks: SessionCallbacks

    public init(_ configuration: SessionConfiguration) throws(SessionError) {
      self.configuration = configuration
      callbacks = try SessionCallbacks(configuration)
    }
  }

  /// A session that has its SETTINGS to send.
  public init(_ shared: SharedCallbacks) throws(SessionError) {
    self.shared = shared
    let configuration = shared.configuration
    faults = TokenBucket(burst: configuration.faultBurst, rate: configuration.faultRate)
    emptyFrames = TokenBucket(burst: configuration.frameBudget, rate: configuration.frameRate)
    pings = TokenBucket(burst: configuration.pingBurst, rate: configuration.pingRate)
    resets = TokenBucket(burst: configuration.resetBurst, rate: configuration.resetRate)
    state = .allocate(capacity: 1)
    state.initialize(to: SessionState(configuration))
    var made: OpaquePointer?
    guard
      nghttp2_session_server_new2(
        &made, shared.callbacks.callbacks, state, shared.callbacks.options)
        == 0, let made
    else {
      state.deinitialize(count: 1)
      state.deallocate()
      throw .outOfMemory
    }
    handle = made
    state.pointee.handle = made
    let settings = [
      Self.entry(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, configuration.maxConcurrentStreams),
      Self.entry(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, configuration.streamWindow),
      Self.entry(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, configuration.maxHeaderListBytes),
    ]
    guard
      nghttp2_submit_settings(made, 0, settings, settings.count) == 0,
      nghttp2_session_set_local_window_size(
        made, 0, 0, Int32(clamping: configuration.connectionWindow)) == 0
    else { throw .outOfMemory }
  }

  deinit {
    nghttp2_session_del(handle)
    state.deinitialize(count: 1)
    state.deallocate()
  }

  private static func entry(_ id: nghttp2_settings_id, _ value: Int) -> nghttp2_settings_entry {
    nghttp2_settings_entry(settings_id: Int32(id.rawValue), value: UInt32(clamping: value))
  }

  // MARK: In

  /// Takes bytes of the connection, at `now` nanoseconds of a monotonic clock.
  ///
  /// - Throws: when the connection must be dropped, after what `nextOutput` still has was sent. Events recorded before are valid.
  public func receive(_ bytes: UnsafeRawBufferPointer, now: Int64) throws(SessionError) {
    if let failure { throw failure }
    state.pointee.now = now
    let consumed = nghttp2_session_mem_recv(
      handle, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), bytes.count)
    if state.pointee.received > 0 {
      nghttp2_session_consume_connection(handle, state.pointee.received)
      state.pointee.received = 0
    }
    guard consumed == bytes.count else {
      switch consumed {
      case Int(NGHTTP2_ERR_BAD_CLIENT_MAGIC.rawValue): throw goAway(.protocolError, .notHTTP2)
      case Int(NGHTTP2_ERR_FLOODED.rawValue):
        throw goAway(.enhanceYourCalm, .protocolViolation(consumed))
      default: throw goAway(.protocolError, .protocolViolation(consumed))
      }
    }
    if state.pointee.hasTurnedBack {
      throw goAway(.protocolError, .protocolViolation(Int(NGHTTP2_ERR_PROTO.rawValue)))
    }
    try checkBudgets(now)
  }

  private func checkBudgets(_ now: Int64) throws(SessionError) {
    if state.pointee.faults > 0 {
      let count = state.pointee.faults
      state.pointee.faults = 0
      guard faults.take(count, now: now) else { throw calm(.tooManyFaults) }
    }
    if state.pointee.earned > 0 {
      emptyFrames.earn(state.pointee.earned)
      state.pointee.earned = 0
    }
    if state.pointee.emptyFrames > 0 {
      let count = state.pointee.emptyFrames
      state.pointee.emptyFrames = 0
      guard emptyFrames.take(count, now: now) else { throw calm(.tooManyEmptyFrames) }
    }
    if state.pointee.hasAnswered {
      state.pointee.hasAnswered = false
      pings.refill()
    }
    if state.pointee.pings > 0 {
      let count = state.pointee.pings
      state.pointee.pings = 0
      guard pings.take(count, now: now) else { throw calm(.tooManyPings) }
    }
    if state.pointee.resets > 0 {
      let count = state.pointee.resets
      state.pointee.resets = 0
      guard resets.take(count, now: now) else { throw calm(.tooManyResets) }
    }
  }

  private func calm(_ error: SessionError) -> SessionError { goAway(.enhanceYourCalm, error) }

  /// Ends the session with GOAWAY and a word on why.
  private func goAway(_ code: ResetCode, _ error: SessionError) -> SessionError {
    failure = error
    let text = Array(error.debugText.utf8)
    nghttp2_submit_goaway(
      handle, 0, nghttp2_session_get_last_proc_stream_id(handle), code.rawValue, text, text.count)
    return error
  }

  /// The next recorded event.
  public func nextEvent() -> SessionEvent? {
    guard let event = state.pointee.nextEvent() else { return nil }
    switch event {
    case .data(let stream): stream.pointee.dataEventPending = false
    case .drained(let stream): stream.pointee.drainEventPending = false
    default: break
    }
    return event
  }

  /// Opens a stream's window by `count` bytes: the handler has taken them.
  public func consume(_ count: Int, of stream: ServerStream.Reference) {
    guard count > 0, !stream.pointee.isClosed else { return }
    nghttp2_session_consume_stream(handle, stream.pointee.id, count)
  }

  // MARK: Out

  /// The next piece of output, valid until the next call; nil when there is none.
  public func nextOutput() -> UnsafeRawBufferPointer? {
    guard !isLost else { return nil }
    var start: UnsafePointer<UInt8>?
    let count = nghttp2_session_mem_send(handle, &start)
    guard count > 0 else {
      if count < 0, failure == nil { failure = .protocolViolation(count) }
      return nil
    }
    return UnsafeRawBufferPointer(start: start, count: count)
  }

  /// Submits a response's head: `fixed` fields, then those of a field block. With `isWhole` it has no body and no trailers; else `outbound` follows, and what `ending` says.
  public func respond(
    _ stream: ServerStream.Reference, fixed: FixedFields?, block: UnsafeRawBufferPointer,
    isWhole: Bool = false
  ) {
    guard !stream.pointee.isClosed, !stream.pointee.hasResponse else { return }
    stream.pointee.hasResponse = true
    var provider = nghttp2_data_provider()
    provider.source.ptr = UnsafeMutableRawPointer(stream)
    provider.read_callback = SessionCallbacks.readData
    stream.pointee.outbound.consumerSleeps = false
    if let fixed, block.isEmpty {
      submit(stream, fixed.base, fixed.count, isWhole, &provider)
    } else {
      state.pointee.scratch.clear()
      if let fixed { state.pointee.scratch.append(fixed) }
      state.pointee.scratch.append(block: block)
      submit(
        stream, state.pointee.scratch.fields, state.pointee.scratch.count, isWhole, &provider)
    }
  }

  private func submit(
    _ stream: ServerStream.Reference, _ fields: UnsafeMutablePointer<nghttp2_nv>, _ count: Int,
    _ isWhole: Bool, _ provider: inout nghttp2_data_provider
  ) {
    let result =
      isWhole
      ? nghttp2_submit_response(handle, stream.pointee.id, fields, count, nil)
      : nghttp2_submit_response(handle, stream.pointee.id, fields, count, &provider)
    if result != 0 { reset(stream, .internalError) }
  }

  /// `outbound` or `ending` has changed while the library slept on it.
  public func resume(_ stream: ServerStream.Reference) {
    guard !stream.pointee.isClosed else { return }
    stream.pointee.outbound.consumerSleeps = false
    nghttp2_session_resume_data(handle, stream.pointee.id)
  }

  /// Says how the response ends once `outbound` has drained.
  public func end(_ stream: ServerStream.Reference, _ ending: ServerStream.Ending) {
    guard !stream.pointee.isClosed else { return }
    stream.pointee.ending = ending
    if stream.pointee.outbound.consumerSleeps { resume(stream) }
  }

  /// HTTP/2 error codes that a server chooses.
  public enum ResetCode: UInt32, Sendable {
    case noError = 0
    case protocolError = 1
    case internalError = 2
    case settingsTimeout = 4
    case refusedStream = 7
    case cancel = 8
    case enhanceYourCalm = 11
  }

  /// Resets a stream.
  public func reset(_ stream: ServerStream.Reference, _ code: ResetCode) {
    guard !stream.pointee.isClosed else { return }
    nghttp2_submit_rst_stream(handle, 0, stream.pointee.id, code.rawValue)
  }

  // MARK: Connection

  /// Sends a PING.
  public func ping() { nghttp2_submit_ping(handle, 0, nil) }

  /// First step of an orderly end: asks the client to open no more streams, without refusing those on their way.
  public func announceShutdown() { nghttp2_submit_shutdown_notice(handle) }

  /// Second step, a round trip later: streams newer than those seen are refused. The session is done when the others have ended.
  public func goAway() {
    nghttp2_submit_goaway(
      handle, 0, nghttp2_session_get_last_proc_stream_id(handle),
      UInt32(NGHTTP2_NO_ERROR.rawValue), nil, 0)
  }

  /// Ends the session at once with a code for the client.
  public func terminate(_ code: ResetCode) {
    nghttp2_session_terminate_session(handle, code.rawValue)
  }

  /// Nothing will be read or written any more.
  public var isDone: Bool {
    nghttp2_session_want_read(handle) == 0 && nghttp2_session_want_write(handle) == 0
  }

  /// The number of the header block that has begun and is not complete; 0: none.
  public var openHeaderBlock: Int { state.pointee.openHeaderBlock }

  // MARK: Streams

  /// Streams opened and not released.
  public var openStreams: Int { state.pointee.openStreams }

  /// Gives the record back after its `.closed` event.
  public func release(_ stream: ServerStream.Reference) {
    precondition(stream.pointee.isClosed, "stream \(stream.pointee.id) is released while open")
    state.pointee.release(stream)
  }

  /// Visits every stream that is not released. `body` must not release any.
  public func forEachStream(_ body: (ServerStream.Reference) -> Void) {
    var next = state.pointee.live
    while let stream = next {
      next = stream.pointee.next
      body(stream)
    }
  }

  /// The connection is gone: records `.closed` for every stream that has a head. The session accepts nothing after that.
  public func connectionLost() {
    failure = failure ?? .protocolViolation(0)
    isLost = true
    var next = state.pointee.live
    while let stream = next {
      next = stream.pointee.next
      guard !stream.pointee.isClosed else { continue }
      stream.pointee.isClosed = true
      if stream.pointee.headersComplete {
        state.pointee.record(.closed(stream, ResetCode.cancel.rawValue))
      } else {
        state.pointee.release(stream)
      }
    }
  }
}
