import RPCCore

/// One stream of a ``ClientSession``: what waits to be sent on it, and whose it is.
///
/// Owned by its session, and with it by one event loop.
public final class ClientStream {
  /// The HTTP/2 stream identifier.
  public internal(set) var id: Int32 = 0

  /// Who gets the events of this stream. Set by whoever opens the stream.
  public var owner: AnyObject?

  /// Whether the request head has been written to the output: before that the server cannot have
  /// seen the stream.
  public internal(set) var isSent = false

  /// Whether nghttp2 has closed the stream; its methods on the session do nothing any more.
  public internal(set) var isClosed = false

  /// DATA that has not been framed yet.
  var outbound = ByteQueue()
  /// END_STREAM follows the last byte of `outbound`.
  var endsAfterOutbound = false
  /// nghttp2 asked for data when there was none.
  var isDeferred = false
  /// An event is wanted when `outbound` has run low.
  var wantsDrained = false

  /// DATA received and not yet looked at: as many bytes as the `.data` events announce.
  var inbound = ByteQueue()
  /// The header block that is arriving.
  var block = Metadata()
  var blockBytes = 0

  init(owner: AnyObject?) {
    self.owner = owner
  }

  /// Whether this side has ended the stream, and everything before the end has been framed.
  public var hasEnded: Bool { isClosed || endsAfterOutbound && outbound.isEmpty }

  /// Bytes that wait to be framed.
  public var outboundBytes: Int { outbound.count }
}
