public import RPCCore

/// What a ``ClientSession`` has to tell, in the order in which it happened.
public enum ClientSessionEvent {
  /// A header block arrived: head, interim head or trailers. All its fields, pseudo-fields included.
  case headers(ClientStream, Metadata, endsStream: Bool)
  /// `count` bytes of DATA arrived; read them with ``ClientSession/takeData(of:count:_:)`` right away.
  case data(ClientStream, count: Int)
  /// The peer ended the stream with DATA.
  case endOfStream(ClientStream)
  /// The stream is closed, with an HTTP/2 error code. `refused` says that the peer did not process
  /// it: REFUSED_STREAM, or GOAWAY with a lower identifier.
  case closed(ClientStream, errorCode: UInt32, refused: Bool)
  /// The connection is gone, and the stream with it.
  case lost(ClientStream)
  /// So much of what was sent has been framed that more is welcome.
  case drained(ClientStream)
  /// The server's SETTINGS arrived. The first time this makes the connection usable.
  case settings(maxConcurrentStreams: Int)
  /// The answer to ``ClientSession/ping()``.
  case pingAnswered
  /// The peer takes no new streams.
  case goAway(errorCode: UInt32, debugText: String)
}
