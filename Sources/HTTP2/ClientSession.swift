internal import CNGHTTP2
import RPCCore

/// The client's side of one HTTP/2 connection: bytes in → events, submissions → bytes out.
///
/// Knows no sockets and no clock. Not thread-safe and not reentrant: owned by one connection on one
/// event loop. The callbacks of nghttp2 only record events; the owner reads them after `receive` and
/// after `write`.
///
/// Flow control: the connection's window is given back when bytes arrive, a stream's window when its
/// owner says so (``consume(_:of:)``). So a stream that nobody reads stops its own sender and nobody
/// else's.
public final class ClientSession {
  /// Limits and windows of a session.
  public struct Configuration: Sendable {
    /// The window of each stream, in bytes: what a server may send before anybody takes it.
    public var streamWindow: Int32
    /// The window of the connection, in bytes.
    public var connectionWindow: Int32
    /// The largest header block accepted, in bytes counted as RFC 9113 §6.5.2 does.
    public var maxHeaderListSize: Int
    /// An owner hears `.drained` when less than this waits on a stream.
    public var lowWaterMark: Int

    public init(
      streamWindow: Int32 = 256 * 1024, connectionWindow: Int32 = 4 * 1024 * 1024,
      maxHeaderListSize: Int = 16 * 1024, lowWaterMark: Int = 32 * 1024
    ) {
      self.streamWindow = streamWindow
      self.connectionWindow = connectionWindow
      self.maxHeaderListSize = maxHeaderListSize
      self.lowWaterMark = lowWaterMark
    }
  }

  /// Why a session cannot go on, or a request not start.
  public enum Failure: Error, Hashable, Sendable {
    /// nghttp2 gave up, with its error code and text: the peer broke the protocol, or memory is out.
    case library(code: Int, text: String)
    /// No stream can be opened on this connection any more.
    case noMoreStreams
  }

  let configuration: Configuration
  var handle: OpaquePointer?
  var events: [ClientSessionEvent] = []
  private var streams: [Int32: ClientStream] = [:]
  private var sawGoAway = false

  public init(configuration: Configuration = Configuration()) throws(Failure) {
    self.configuration = configuration
    try open()
  }

  deinit {
    if let handle { nghttp2_session_del(handle) }
  }

  private func open() throws(Failure) {
    let user = Unmanaged.passUnretained(self).toOpaque()
    guard let shared = ClientSessionCallbacks.shared else {
      try check(Int(NGHTTP2_ERR_NOMEM.rawValue))
      return
    }
    try check(
      Int(nghttp2_session_client_new2(&handle, shared.callbacks, user, shared.options)))
    let settings = [
      nghttp2_settings_entry(
        settings_id: Int32(NGHTTP2_SETTINGS_ENABLE_PUSH.rawValue), value: 0),
      nghttp2_settings_entry(
        settings_id: Int32(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE.rawValue),
        value: UInt32(configuration.streamWindow)),
      nghttp2_settings_entry(
        settings_id: Int32(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE.rawValue),
        value: UInt32(configuration.maxHeaderListSize)),
    ]
    try check(Int(nghttp2_submit_settings(handle, 0, settings, settings.count)))
    try check(
      Int(nghttp2_session_set_local_window_size(handle, 0, 0, configuration.connectionWindow)))
  }

  // MARK: Bytes

  /// Takes bytes of the peer. Read the events afterwards, also when this throws.
  public func receive(_ bytes: UnsafeRawBufferPointer) throws(Failure) {
    guard let base = bytes.baseAddress, !bytes.isEmpty else { return }
    let count = nghttp2_session_mem_recv(
      handle, base.assumingMemoryBound(to: UInt8.self), bytes.count)
    try check(count)
  }

  /// Hands the bytes that are to be sent to `write`, a piece at a time, until at least `limit` bytes
  /// were written or none are left. Read the events afterwards.
  /// - Returns: whether more may be left.
  public func write(
    limit: Int, _ write: (UnsafeRawBufferPointer) -> Void
  ) throws(Failure) -> Bool {
    var total = 0
    while total < limit {
      var piece: UnsafePointer<UInt8>?
      let count = nghttp2_session_mem_send(handle, &piece)
      try check(count)
      if count == 0 { return false }
      write(UnsafeRawBufferPointer(start: piece, count: count))
      total += count
    }
    return true
  }

  /// The events since the last call.
  public func takeEvents() -> [ClientSessionEvent] {
    guard !events.isEmpty else { return [] }
    let taken = events
    events = []
    return taken
  }

  /// Whether the connection has done its work: after GOAWAY, when the last stream is closed.
  public var isFinished: Bool {
    nghttp2_session_want_read(handle) == 0 && nghttp2_session_want_write(handle) == 0
  }

  // MARK: Requests

  /// Streams that are open.
  public var openStreams: Int { streams.count }

  /// The largest header block that a request may have, counted as ``RequestHeaders/listSize``: what
  /// the peer has announced, at most 64 KiB. nghttp2 takes a longer one and fails it afterwards; its
  /// own count is never above this one.
  public var requestHeaderLimit: Int {
    let announced = nghttp2_session_get_remote_settings(
      handle, NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE)
    return min(Int(announced), 64 * 1024)
  }

  /// Opens a stream. Its head goes out with the next `write`.
  ///
  /// The caller keeps the number of streams and the size of the headers below the peer's limits.
  /// - Parameter endsStream: whether the request has no DATA at all.
  public func open(
    _ headers: RequestHeaders, endsStream: Bool, owner: AnyObject?
  ) throws(Failure) -> ClientStream {
    guard !sawGoAway else { throw .noMoreStreams }
    let stream = ClientStream(owner: owner)
    var provider = nghttp2_data_provider()
    provider.read_callback = ClientSessionCallbacks.readData
    let id = headers.withFields { fields, count in
      withUnsafePointer(to: &provider) { provider in
        nghttp2_submit_request(handle, nil, fields, count, endsStream ? nil : provider, nil)
      }
    }
    if Int(id) == Int(NGHTTP2_ERR_STREAM_ID_NOT_AVAILABLE.rawValue) { throw .noMoreStreams }
    try check(Int(id))
    stream.id = id
    streams[id] = stream
    return stream
  }

  /// Appends DATA. What was appended is sent in order, as the peer's windows allow.
  public func send(_ bytes: UnsafeRawBufferPointer, on stream: ClientStream) {
    guard !stream.isClosed else { return }
    stream.outbound.append(bytes)
    resume(stream)
  }

  /// Ends the request behind what was sent.
  public func end(_ stream: ClientStream) {
    guard !stream.isClosed else { return }
    stream.endsAfterOutbound = true
    resume(stream)
  }

  /// Asks for `.drained` when less than the low-water mark waits on `stream`.
  public func notifyWhenDrained(_ stream: ClientStream) {
    if stream.outbound.count < configuration.lowWaterMark {
      events.append(.drained(stream))
    } else {
      stream.wantsDrained = true
    }
  }

  /// Resets a stream. Its owner hears `.closed` when the reset has been written.
  public func reset(_ stream: ClientStream, errorCode: UInt32) {
    guard !stream.isClosed else { return }
    nghttp2_submit_rst_stream(handle, 0, stream.id, errorCode)
  }

  /// Gives `count` bytes of a stream's window back to the peer.
  public func consume(_ count: Int, of stream: ClientStream) {
    guard !stream.isClosed, count > 0 else { return }
    nghttp2_session_consume_stream(handle, stream.id, count)
  }

  /// Hands over the `count` bytes that a `.data` event announced.
  public func takeData(
    of stream: ClientStream, count: Int, _ body: (UnsafeRawBufferPointer) -> Void
  ) {
    body(UnsafeRawBufferPointer(rebasing: stream.inbound.bytes[0..<count]))
    stream.inbound.consume(count)
  }

  // MARK: Connection

  /// Sends a PING; `.pingAnswered` follows when the peer answers.
  public func ping() {
    nghttp2_submit_ping(handle, 0, nil)
  }

  /// Says that this side opens no more streams and takes none. Streams that are open go on.
  public func goAway() {
    nghttp2_submit_goaway(handle, 0, 0, 0, nil, 0)
  }

  /// The connection is gone: the owner of every open stream hears `.lost`.
  public func abandon() {
    for stream in streams.values.sorted(by: { $0.id < $1.id }) {
      stream.isClosed = true
      events.append(.lost(stream))
    }
    streams = [:]
  }

  // MARK: Records of the callbacks

  func stream(_ id: Int32) -> ClientStream? { streams[id] }

  func recordData(_ stream: ClientStream, _ bytes: UnsafeRawBufferPointer) {
    stream.inbound.append(bytes)
    nghttp2_session_consume_connection(handle, bytes.count)
    if case .data(let last, let count) = events.last, last === stream {
      events[events.count - 1] = .data(stream, count: count + bytes.count)
    } else {
      events.append(.data(stream, count: bytes.count))
    }
  }

  func recordGoAway(errorCode: UInt32, debugText: String) {
    sawGoAway = true
    events.append(.goAway(errorCode: errorCode, debugText: debugText))
  }

  func recordSettings() {
    let streams = nghttp2_session_get_remote_settings(
      handle, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS)
    events.append(.settings(maxConcurrentStreams: Int(streams)))
  }

  func recordClosed(_ id: Int32, errorCode: UInt32) {
    guard let stream = streams.removeValue(forKey: id) else { return }
    stream.isClosed = true
    let refused = errorCode == NGHTTP2_REFUSED_STREAM.rawValue
    events.append(.closed(stream, errorCode: errorCode, refused: refused))
  }

  private func resume(_ stream: ClientStream) {
    guard stream.isDeferred else { return }
    stream.isDeferred = false
    nghttp2_session_resume_data(handle, stream.id)
  }

  private func check(_ result: Int) throws(Failure) {
    guard result < 0 else { return }
    throw .library(
      code: result, text: String(cString: nghttp2_strerror(Int32(truncatingIfNeeded: result))))
  }
}

extension ClientSession.Failure: CustomStringConvertible {
  public var description: String {
    switch self {
    case .library(_, let text): text
    case .noMoreStreams: "no stream can be opened"
    }
  }
}
